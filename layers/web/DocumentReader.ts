/** Parses untrusted documents in worker threads, with a concurrency limit, a time limit and interruption. */
import { Duration, Effect, Schema, Semaphore } from "effect"
import type { JobResult, Job, PageJob, RobotsJob } from "./workerMessages.ts"

/** The time limit was reached, or the worker failed. */
export class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", { detail: Schema.String }) {
  override get message() {
    return this.detail
  }
}

export interface ReaderLimits {
  /** Time limit per document, from the start of its worker. */
  readonly timeout: Duration.Duration
  /** Concurrency limit of workers; further documents wait. */
  readonly concurrency: number
}

const start = Effect.acquireRelease(
  // `smol` collects garbage early. The environment may contain secrets.
  Effect.sync(() => new Worker(new URL("./readerWorker.ts", import.meta.url), { smol: true, env: {} })),
  (worker) => Effect.sync(() => worker.terminate())
)

export const make = ({ concurrency, timeout }: ReaderLimits) => {
  const slots = Semaphore.makeUnsafe(concurrency)

  const run = (job: Job): Effect.Effect<JobResult, Unreadable> =>
    Effect.gen(function* () {
      const worker = yield* start
      return yield* Effect.callback<JobResult>((resume) => {
        worker.onmessage = ({ data }: MessageEvent<JobResult>) => resume(Effect.succeed(data))
        worker.onerror = (event) => {
          event.preventDefault()
          resume(Effect.succeed({ kind: "failed", message: event.message }))
        }
        worker.postMessage(job, job.kind === "page" ? [job.bytes.buffer] : [])
      })
    }).pipe(
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () =>
          Effect.fail(
            new Unreadable({
              detail: `time limit of ${Duration.toMillis(timeout)} ms for parsing the document reached (web.extract_timeout)`
            })
          )
      }),
      Effect.scoped,
      slots.withPermit
    )

  const failed = (result: JobResult) =>
    new Unreadable({
      detail: `cannot parse the document: ${result.kind === "failed" ? result.message : "unexpected result"}`
    })

  /** Converts an HTML page to Markdown. The bytes are transferred to the worker. */
  const page = Effect.fn("Readable.page")(function* (job: Omit<PageJob, "kind">) {
    const result = yield* run({ kind: "page", ...job })
    return result.kind === "page" ? result : yield* failed(result)
  })

  /** Whether the rules of a `robots.txt` allow the agent to fetch the URL. */
  const allows = Effect.fn("Readable.allows")(function* (job: Omit<RobotsJob, "kind">) {
    const result = yield* run({ kind: "robots", ...job })
    return result.kind === "robots" ? result.allowed : yield* failed(result)
  })

  return { allows, page }
}

export type DocumentReader = ReturnType<typeof make>
