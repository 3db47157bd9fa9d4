/** Reads one foreign document in a thread that can be ended; each kind of document loads what it needs. */
import type { Answer, Job } from "./workerMessages.ts"

// Nothing in this thread may send requests: only `Outbound` does, which checks where they go.
const closed = () => Promise.reject(new Error("requests are not possible here"))
Object.assign(globalThis, {
  fetch: closed,
  XMLHttpRequest: undefined,
  WebSocket: undefined,
  EventSource: undefined
})

const answer = async (job: Job): Promise<Answer> => {
  try {
    if (job.kind === "page") return (await import("./readPage.ts")).readPage(job)
    const { allows } = await import("./robotsRules.ts")
    return { kind: "robots", allowed: await allows(job) }
  } catch (cause) {
    return { kind: "failed", message: cause instanceof Error ? cause.message : String(cause) }
  }
}

globalThis.addEventListener("message", async ({ data }: MessageEvent<Job>) => postMessage(await answer(data)))
