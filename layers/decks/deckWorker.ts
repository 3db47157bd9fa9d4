/** Arranges and draws decks in a thread of its own, which can be killed: long details and large decks take a while. */
import { arrange } from "./outline/arrange.ts"
import type { Answer, Job } from "./job.ts"
import { writeDeck } from "./file/writeDeck.ts"

const answer = async (job: Job): Promise<Answer> =>
  job.kind === "arrange"
    ? { kind: "arranged", arranged: arrange(job.request, job.font) }
    : { kind: "rendered", rendered: await writeDeck(job.rendering) }

globalThis.addEventListener("message", async ({ data }: MessageEvent<Job>) => {
  try {
    const said = await answer(data)
    postMessage(said, said.kind === "rendered" ? [said.rendered.bytes.buffer] : [])
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    postMessage({ kind: "failed", message } satisfies Answer)
  }
})
