/** Worker that arranges and draws one deck: both take a while, and a worker can be terminated. */
import { writeDeck } from "./file/writeDeck.ts"
import { arrange, type Request } from "./outline/arrange.ts"
import type { Outline } from "./outline/Outline.ts"
import { prepareOutline } from "./outline/prepareOutline.ts"

const jobs = {
  /** Without an outline, rules arrange the details. */
  arrange: ({ font, outline, request }: { outline?: Outline | undefined; request: Request; font: string }) =>
    outline === undefined ? arrange(request, font) : prepareOutline(outline, request, font),
  render: writeDeck
}
export type Jobs = typeof jobs
export type Job = { [Name in keyof Jobs]: readonly [Name, Parameters<Jobs[Name]>[0]] }[keyof Jobs]
export type JobResult = { readonly result: unknown } | { readonly failure: string }

globalThis.addEventListener("message", async ({ data: [name, input] }: MessageEvent<Job>) => {
  try {
    // A name comes with the input of its job, which the types cannot follow.
    const result = await (jobs[name] as (input: unknown) => unknown)(input)
    postMessage({ result } satisfies JobResult)
  } catch (cause) {
    postMessage({ failure: cause instanceof Error ? cause.message : String(cause) } satisfies JobResult)
  }
})
