/** Memory, CPU time and start time of this process. */

/** `Bun 1.4.5` */
export const runtime = `Bun ${Bun.version}`

/** When the process started, in seconds since 1970. */
export const started = (): number => performance.timeOrigin / 1000

/** In bytes. */
export const residentMemory = (): number => process.memoryUsage.rss()

/** In bytes. */
export const heap = (): number => process.memoryUsage().heapUsed

/** User and system time since the start, in seconds. */
export const processorTime = (): number => {
  const { system, user } = process.cpuUsage()
  return (user + system) / 1e6
}
