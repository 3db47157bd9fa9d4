/** Opens a server whose stored lists are published when it is first used, so that it does not delay the first responses. */
import { Clock, Deferred, Effect, type Scope } from "effect"
import type { PublishedServer } from "./publishServer.ts"
import type { ServedUpstream } from "./ServedUpstream.ts"
import type { Summary } from "./Summary.ts"
import type { Status } from "../../layers/upstream/Status.ts"

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
  const done = Deferred.makeUnsafe<ServedUpstream>()
  let hasBegun = false
  let opened: ServedUpstream | undefined
  const begin = Effect.suspend(() => {
    if (hasBegun) return Effect.void
    hasBegun = true
    const opening = Effect.flatMap(Effect.provideContext(open, context), (served) => {
      opened = served
      return Deferred.succeed(done, served)
    })
    return Effect.asVoid(Effect.forkIn(opening, scope))
  }).pipe(Effect.uninterruptible)
  const served = Effect.andThen(begin, Deferred.await(done))
  source.open = Effect.andThen(
    served,
    Effect.suspend(() => source.open)
  )
  // A request that waits for it ends with the server.
  yield* Effect.addFinalizer(() => Deferred.interrupt(done))
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
    lists: Effect.flatMap(served, (found) => found.lists),
    summary: Effect.suspend(() => opened?.summary ?? Effect.succeed(summary))
  }
  return server
})
