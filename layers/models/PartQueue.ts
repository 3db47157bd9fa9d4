/**
 * Parts of a response on their way from the adapter to the reader of its stream. The reader runs within `offer`: a queue of
 * `effect` would resume it in a later turn of the event loop.
 */
import { Array, Cause, Effect, Exit } from "effect"
import type * as Response from "effect/ai/Response"
import type { ModelFailure } from "./ModelRequest.ts"

type Parts = ReadonlyArray<Response.StreamPartEncoded>
type Pulled = Effect.Effect<
  Array.NonEmptyReadonlyArray<Response.StreamPartEncoded>,
  ModelFailure | Cause.Done
>

/** Maximum number of parts buffered for a slow reader; beyond it the connection waits. */
const capacity = 256

export class PartQueue {
  #parts: Array<Response.StreamPartEncoded> = []
  #end: Effect.Effect<never, ModelFailure | Cause.Done> | undefined
  /** Resumes the reader that waits. */
  #reader: ((pulled: Pulled) => void) | undefined
  /** Resolves once the reader has taken the parts. */
  #room: PromiseWithResolvers<void> | undefined

  /** Passes parts on. Await a returned promise before the next ones: the reader is slow. */
  offer(parts: Parts): Promise<void> | undefined {
    if (this.#end !== undefined || !Array.isReadonlyArrayNonEmpty(parts)) return undefined
    const reader = this.#reader
    if (reader !== undefined) {
      this.#reader = undefined
      reader(Effect.succeed(parts))
      return undefined
    }
    this.#parts.push(...parts)
    if (this.#parts.length <= capacity) return undefined
    this.#room ??= Promise.withResolvers()
    return this.#room.promise
  }

  /** The stream ends so once the reader has all parts. */
  end(exit: Exit.Exit<void, ModelFailure>) {
    this.#end = Exit.isSuccess(exit) ? Cause.done() : Exit.failCause(exit.cause)
    this.#makeRoom()
    this.#reader?.(this.#end)
    this.#reader = undefined
  }

  #makeRoom() {
    this.#room?.resolve()
    this.#room = undefined
  }

  /** All parts that the reader does not have, as soon as there are any. For one reader. */
  readonly pull: Pulled = Effect.callback((resume) => {
    const parts = this.#parts
    if (Array.isReadonlyArrayNonEmpty(parts)) {
      this.#parts = []
      resume(Effect.succeed(parts))
      this.#makeRoom()
      return undefined
    }
    if (this.#end !== undefined) {
      resume(this.#end)
      return undefined
    }
    this.#reader = resume
    return Effect.sync(() => {
      this.#reader = undefined
    })
  })
}
