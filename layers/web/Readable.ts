/** Has foreign documents read in a worker that ends with the answer, with its time, or with the caller, whichever is first. */
import { Effect, Schema, Semaphore, type Duration } from "effect"
import type { Answer, Job, PageJob, RobotsJob } from "./job.ts"

/** The document could not be read: it was too much for the time, or the libraries fell over it. */
export class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", { detail: Schema.String }) {
  override get message() {
    return this.detail
  }
}

/** Each takes a core for as long as it runs. */
const atOnce = Semaphore.makeUnsafe(2)

const start = Effect.acquireRelease(
  // It needs little memory for long and nothing of the environment.
  Effect.sync(() => new Worker(new URL("./worker.ts", import.meta.url), { smol: true, env: {} })),
  (worker) => Effect.sync(() => worker.terminate())
)

/** All answers that came in time. */
const run = (job: Job, limit: Duration.Input) =>
  Effect.gen(function* () {
    const answers: Array<Answer> = []
    const worker = yield* start
    yield* Effect.callback<void>((resume) => {
      worker.onmessage = ({ data }: MessageEvent<Answer>) => {
        answers.push(data)
        if (data.kind === "end") resume(Effect.void)
      }
      worker.onerror = (event) => {
        event.preventDefault()
        answers.push({ kind: "failed", message: event.message })
        resume(Effect.void)
      }
      worker.postMessage(job, job.kind === "page" ? [job.bytes.buffer] : [])
    }).pipe(Effect.timeoutOrElse({ duration: limit, orElse: () => Effect.void }))
    return answers
  }).pipe(Effect.scoped, atOnce.withPermit)

const unreadable = (answers: ReadonlyArray<Answer>) => {
  const failed = answers.find((answer) => answer.kind === "failed")
  const detail = failed === undefined ? "it took too long to read" : `it cannot be read: ${failed.message}`
  return Effect.fail(new Unreadable({ detail }))
}

/**
 * The page's article as Markdown; its bare text when no article was found, the page is nested absurdly deep, or the
 * time was over. The bytes are the worker's afterwards.
 */
export const page = Effect.fn("Readable.page")(function* (job: Omit<PageJob, "kind">, limit: Duration.Input) {
  const answers = yield* run({ kind: "page", ...job }, limit)
  const best =
    answers.find((answer) => answer.kind === "article") ?? answers.find((answer) => answer.kind === "text")
  return best === undefined ? yield* unreadable(answers) : { title: best.title, text: best.text }
})

/** Whether the rules of a `robots.txt` let the agent have the URL. */
export const allows = Effect.fn("Readable.allows")(function* (
  job: Omit<RobotsJob, "kind">,
  limit: Duration.Input
) {
  const answers = yield* run({ kind: "robots", ...job }, limit)
  const found = answers.find((answer) => answer.kind === "allowed")
  return found === undefined ? yield* unreadable(answers) : found.allowed
})
