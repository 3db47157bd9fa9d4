/** Opens and counts many sessions. */
import { openSession, ping, post } from "./protocol.ts"

/** Many, because one of the peers takes a second for each; more, Bun's `fetch` would keep waiting. */
const atOnce = 256
const mostSeconds = 120

const inParallel = async (count: number, step: (index: number) => Promise<void>) => {
  const end = performance.now() + mostSeconds * 1000
  let next = 0
  const worker = async () => {
    while (next < count) {
      if (performance.now() > end) throw new Error(`${next} of ${count} sessions took ${mostSeconds} s`)
      await step(next++)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker))
}

/** Opens idle sessions; returns their ids. */
export const openMany = async (url: string, count: number): Promise<ReadonlyArray<string>> => {
  const ids: Array<string> = []
  await inParallel(count, async () => {
    const id = await openSession(url)
    if (id === undefined) throw new Error("the server opened no session")
    ids.push(id)
  })
  return ids
}

/** Number of sessions that the server still accepts; sends one request per session. */
export const countAlive = async (url: string, ids: ReadonlyArray<string>): Promise<number> => {
  let alive = 0
  await inParallel(ids.length, async (index) => {
    const answer = await post(url, ping(ids[index] ?? ""))
    await answer.text()
    if (answer.status !== 404) alive++
  })
  return alive
}
