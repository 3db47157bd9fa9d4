/** Opens a server whose stored lists are published when it is first used, so that it does not delay the first responses. */
import { Cause, Clock, Deferred, Effect, Exit, type Scope } from "effect"
import { nothing } from "./lists.ts"
import type { PublishedServer } from "./publishServer.ts"
import type { ServedUpstream } from "./ServedUpstream.ts"
import type { Summary } from "./Summary.ts"
import type { Status } from "../../layers/upstream/Status.ts"
import { stopped, type UpstreamError } from "../../layers/upstream/UpstreamError.ts"

export interface DeferredServer extends Pick<ServedUpstream, "account" | "connection" | "lists" | "summary"> {
  /** Opens it ahead of its first use. */
  readonly prepare: Effect.Effect<void>
}

/** `open` runs once. */
export const deferServer = Effect.fnUntraced(function* <R>(
  name: string,
  { known, lists, source }: PublishedServer,
  open: Effect.Effect<ServedUpstream, never, R | Scope.Scope>
) {
  const scope = yield* Effect.scope
  const context = yield* Effect.context<R | Scope.Scope>()
  const status: Status = { state: "idle", since: yield* Clock.currentTimeMillis }
  const done = Deferred.makeUnsafe<ServedUpstream, UpstreamError>()
  let hasBegun = false
  let opened: ServedUpstream | undefined
  const begin = Effect.suspend(() => {
    if (hasBegun) return Effect.void
    hasBegun = true
    const opening = Effect.onExit(Effect.provideContext(open, context), (exit) => {
      if (Exit.isSuccess(exit)) opened = exit.value
      // It is interrupted only when the scope closes.
      else if (Cause.hasInterrupts(exit.cause)) return Effect.void
      return Deferred.done(done, exit)
    })
    return Effect.asVoid(Effect.forkIn(opening, scope))
  }).pipe(Effect.uninterruptible)
  const served = Effect.andThen(begin, Deferred.await(done))
  source.open = Effect.andThen(
    served,
    Effect.suspend(() => source.open)
  )
  // A request that waits for it fails with the server.
  yield* Effect.addFinalizer(() => Deferred.fail(done, stopped(name)))
  const summary: Summary = {
    ...status,
    name,
    tools: lists.tools.length,
    prompts: lists.prompts.length,
    resources: lists.resources.length,
    held: known?.held ?? [],
    looped: 0
  }
  const server: DeferredServer = {
    prepare: begin,
    get account() {
      return opened?.account
    },
    connection: Effect.flatMap(served, ({ connection }) => connection),
    lists: Effect.flatMap(served, (found) => found.lists).pipe(Effect.orElseSucceed(() => nothing)),
    summary: Effect.suspend(() => opened?.summary ?? Effect.succeed(summary))
  }
  return server
})
