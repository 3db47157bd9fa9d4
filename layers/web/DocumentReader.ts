/** Reads foreign documents in workers: off the main thread, a few at a time, and ended by time limit or interruption. */
import { Duration, Effect, Schema, Semaphore } from "effect"
import type { Answer, Job, PageJob, RobotsJob } from "./workerMessages.ts"

/** The document took too long to read, or the reader failed on it. */
export class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", { detail: Schema.String }) {
  override get message() {
    return this.detail
  }
}

export interface ReaderLimits {
  /** Time for one document, from the start of its worker. */
  readonly timeout: Duration.Duration
  /** Workers at the same time, each of which takes a core while it runs; others wait. */
  readonly concurrency: number
}

const start = Effect.acquireRelease(
  // `smol` collects garbage early; the environment may hold secrets.
  Effect.sync(() => new Worker(new URL("./readerWorker.ts", import.meta.url), { smol: true, env: {} })),
  (worker) => Effect.sync(() => worker.terminate())
)

export const make = ({ concurrency, timeout }: ReaderLimits) => {
  const slots = Semaphore.makeUnsafe(concurrency)

  const run = (job: Job): Effect.Effect<Answer, Unreadable> =>
    Effect.gen(function* () {
      const worker = yield* start
      return yield* Effect.callback<Answer>((resume) => {
        worker.onmessage = ({ data }: MessageEvent<Answer>) => resume(Effect.succeed(data))
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
              detail: `the document could not be read within ${Duration.toMillis(timeout)} ms (web.extract_timeout)`
            })
          )
      }),
      Effect.scoped,
      slots.withPermit
    )

  const unreadable = (answer: Answer) =>
    new Unreadable({
      detail: `the document cannot be read: ${answer.kind === "failed" ? answer.message : "unexpected answer"}`
    })

  /** An HTML page as Markdown. The bytes are the worker's afterwards. */
  const page = Effect.fn("Readable.page")(function* (job: Omit<PageJob, "kind">) {
    const answer = yield* run({ kind: "page", ...job })
    return answer.kind === "page" ? answer : yield* unreadable(answer)
  })

  /** Whether the rules of a `robots.txt` let the agent have the URL. */
  const allows = Effect.fn("Readable.allows")(function* (job: Omit<RobotsJob, "kind">) {
    const answer = yield* run({ kind: "robots", ...job })
    return answer.kind === "robots" ? answer.allowed : yield* unreadable(answer)
  })

  return { allows, page }
}

export type DocumentReader = ReturnType<typeof make>
