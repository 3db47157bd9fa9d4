/** The worker that draws one deck: started for it, asked one thing after another, and ended with it. */
import { Effect } from "effect"
import { deckError, type DeckError } from "./DeckError.ts"
import type { Answer, Job } from "./job.ts"

const failed = (message: string) => Effect.fail(deckError("drawing", `the deck cannot be drawn: ${message}`))

/** What answers a job of that kind. */
type AnswerTo<J extends Job> = Extract<
  Answer,
  { kind: J["kind"] extends "arrange" ? "arranged" : "rendered" }
>

export const start = Effect.map(
  Effect.acquireRelease(
    // It needs nothing of the environment.
    Effect.sync(() => new Worker(new URL("./deckWorker.ts", import.meta.url), { smol: true, env: {} })),
    (worker) => Effect.sync(() => worker.terminate())
  ),
  (worker) =>
    <J extends Job>(job: J): Effect.Effect<AnswerTo<J>, DeckError> =>
      Effect.callback((resume) => {
        worker.onmessage = ({ data }: MessageEvent<Answer>) =>
          // The worker answers each job with what is of its kind, or with a failure.
          resume(data.kind === "failed" ? failed(data.message) : Effect.succeed(data as AnswerTo<J>))
        worker.onerror = (event) => {
          event.preventDefault()
          resume(failed(event.message))
        }
        worker.postMessage(job, [])
      })
)
