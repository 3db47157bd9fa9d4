/** Worker thread that parses one untrusted document; parsers are loaded lazily. */
import type { JobResult, Job } from "./workerMessages.ts"

// Disables network access: only `Outbound` may send requests.
const disabled = () => Promise.reject(new Error("network access is disabled"))
Object.assign(globalThis, {
  fetch: disabled,
  XMLHttpRequest: undefined,
  WebSocket: undefined,
  EventSource: undefined
})

const runJob = async (job: Job): Promise<JobResult> => {
  try {
    if (job.kind === "page") return (await import("./readPage.ts")).readPage(job)
    const { allows } = await import("./robotsRules.ts")
    return { kind: "robots", allowed: await allows(job) }
  } catch (cause) {
    return { kind: "failed", message: cause instanceof Error ? cause.message : String(cause) }
  }
}

globalThis.addEventListener("message", async ({ data }: MessageEvent<Job>) => postMessage(await runJob(data)))
