/** Starts the deck worker: one per deck, terminated with its scope. */
import { Effect } from "effect"
import { deckError, type DeckError } from "./DeckError.ts"
import type { JobResult, Jobs } from "./deckWorker.ts"

const failed = (message: string) => Effect.fail(deckError("drawing", `The deck cannot be drawn: ${message}`))

export const startDeckWorker = Effect.map(
  Effect.acquireRelease(
    // The worker needs nothing of the environment.
    Effect.sync(() => new Worker(new URL("./deckWorker.ts", import.meta.url), { smol: true, env: {} })),
    (worker) => Effect.sync(() => worker.terminate())
  ),
  (worker) =>
    <Name extends keyof Jobs>(name: Name, input: Parameters<Jobs[Name]>[0]) =>
      Effect.callback<Awaited<ReturnType<Jobs[Name]>>, DeckError>((resume) => {
        worker.onmessage = ({ data }: MessageEvent<JobResult>) =>
          // The worker answers each job with its result, or with a failure.
          resume("failure" in data ? failed(data.failure) : Effect.succeed(data.result as never))
        worker.onerror = (event) => {
          event.preventDefault()
          resume(failed(event.message))
        }
        worker.postMessage([name, input], [])
      })
)
