/** Memory, CPU time and start time of this process. */

/** Such as `Bun 1.4.5`. */
export const runtime = `Bun ${Bun.version}`

/** When the process started, in seconds since 1970. */
export const started = (): number => performance.timeOrigin / 1000

/** Resident set size in bytes. */
export const residentMemory = (): number => process.memoryUsage.rss()

/** In bytes. */
export const usedHeap = (): number => process.memoryUsage().heapUsed

/** User and system time since the start, in seconds. */
export const cpuTime = (): number => {
  const { system, user } = process.cpuUsage()
  return (user + system) / 1e6
}
