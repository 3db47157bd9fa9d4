/** Memory of an idle server. */
import { rss, type Running } from "./process.ts"

const sampleEvery = 100
const samples = 10
const mostSamples = 200
/** Samples that differ by less are the same. */
const tolerance = 0.005

/** Resident memory in bytes once it is stable for a second; the last sample if it is not within 20 s. */
export const restingRss = async ({ pid }: Running): Promise<number> => {
  const seen: Array<number> = []
  for (let taken = 0; taken < mostSamples; taken++) {
    const now = rss(pid)
    if (now === undefined) throw new Error("memory is read from /proc, which has nothing here")
    seen.push(now)
    const last = seen.slice(-samples)
    if (last.length === samples && Math.max(...last) - Math.min(...last) < now * tolerance) break
    await Bun.sleep(sampleEvery)
  }
  return seen.at(-1) ?? 0
}

/** After a collection: resident memory and the heap in use, in bytes; for a server that was made `collectable`. */
export const collected = async (running: Running) => {
  const [, heap] = await running.ask("SIGUSR2", /^heap (\d+) bytes$/m)
  return { rss: await restingRss(running), heap: Number(heap) }
}
