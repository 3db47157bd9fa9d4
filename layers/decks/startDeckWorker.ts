/** Starts the deck worker: one per deck, terminated with its scope. */
import { Effect } from "effect"
import { deckError, type DeckError } from "./DeckError.ts"
import type { Job, JobResult } from "./deckJobs.ts"

type ResultOf<J extends Job> = Extract<
  JobResult,
  { kind: J["kind"] extends "arrange" ? "arranged" : "rendered" }
>

const failed = (message: string) => Effect.fail(deckError("drawing", `The deck cannot be drawn: ${message}`))

/** Starts a worker and returns the function that runs jobs on it, one after the other. */
export const startDeckWorker = Effect.map(
  Effect.acquireRelease(
    // The worker needs nothing of the environment.
    Effect.sync(() => new Worker(new URL("./deckWorker.ts", import.meta.url), { smol: true, env: {} })),
    (worker) => Effect.sync(() => worker.terminate())
  ),
  (worker) =>
    <J extends Job>(job: J): Effect.Effect<ResultOf<J>, DeckError> =>
      Effect.callback((resume) => {
        worker.onmessage = ({ data }: MessageEvent<JobResult>) =>
          // The worker answers each job with a result of its kind, or with a failure.
          resume(data.kind === "failed" ? failed(data.message) : Effect.succeed(data as ResultOf<J>))
        worker.onerror = (event) => {
          event.preventDefault()
          resume(failed(event.message))
        }
        worker.postMessage(job, [])
      })
)
