/** Reads foreign documents, in a thread of its own that can be killed; libraries are loaded by what needs them. */
import type { Answer, Job } from "./job.ts"

// Some extractors would ask other sites for more. Nothing here speaks to anybody but through `Outbound`.
const closed = () => Promise.reject(new Error("a page may not ask for anything"))
Object.assign(globalThis, {
  fetch: closed,
  XMLHttpRequest: undefined,
  WebSocket: undefined,
  EventSource: undefined
})

const say = (answer: Answer) => postMessage(answer)

globalThis.addEventListener("message", async ({ data }: MessageEvent<Job>) => {
  try {
    if (data.kind === "page") {
      const { read } = await import("./article.ts")
      await read(data, say)
    } else {
      const { allows } = await import("./rules.ts")
      say({ kind: "allowed", allowed: await allows(data) })
    }
  } catch (cause) {
    say({ kind: "failed", message: cause instanceof Error ? cause.message : String(cause) })
  }
  say({ kind: "end" })
})
