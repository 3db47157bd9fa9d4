/** Worker that arranges and draws one deck: both take a while, and a worker can be terminated. */
import { arrange } from "./outline/arrange.ts"
import { prepareOutline } from "./outline/prepareOutline.ts"
import type { Job, JobResult } from "./deckJobs.ts"
import { writeDeck } from "./file/writeDeck.ts"

const run = async (job: Job): Promise<JobResult> => {
  if (job.kind === "render") return { kind: "rendered", rendered: await writeDeck(job.rendering) }
  const { font, outline, request } = job
  const arranged = outline === undefined ? arrange(request, font) : prepareOutline(outline, request, font)
  return { kind: "arranged", arranged }
}

globalThis.addEventListener("message", async ({ data }: MessageEvent<Job>) => {
  try {
    const result = await run(data)
    postMessage(result, result.kind === "rendered" ? [result.rendered.bytes.buffer] : [])
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    postMessage({ kind: "failed", message } satisfies JobResult)
  }
})
