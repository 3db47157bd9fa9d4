/** Streams of change notifications from a 2026-07-28 server; reopened when they end. */
import type { Client } from "@modelcontextprotocol/client"
import { Effect, Schedule, type Scope } from "effect"
import { requestFailure } from "./requestError.ts"
import type { UpstreamError } from "./UpstreamError.ts"

type Filter = Parameters<Client["listen"]>[0]

/** Delay before a stream that ended is reopened; servers and proxies may end idle streams. */
const reopening = Schedule.exponential("1 second").pipe(Schedule.upTo({ times: 3 }), Schedule.jittered)

/** The lists whose changes the server announces. */
export const listFilter = (client: Client): Filter => {
  const { prompts, resources, tools } = client.getServerCapabilities() ?? {}
  return {
    ...(tools?.listChanged === true && { toolsListChanged: true }),
    ...(prompts?.listChanged === true && { promptsListChanged: true }),
    ...(resources?.listChanged === true && { resourcesListChanged: true })
  }
}

/**
 * Opens the stream, and keeps it open until the scope closes. `missed`: the stream was interrupted, and changes in between
 * may have been missed. `gone`: it cannot be opened again.
 */
export const listening = (
  server: string,
  client: Client,
  filter: Filter,
  events: { readonly missed: () => void; readonly gone: () => void }
): Effect.Effect<void, UpstreamError, Scope.Scope> => {
  const open = Effect.acquireRelease(
    Effect.tryPromise({
      try: (signal) => client.listen(filter, { signal }),
      catch: (cause) => requestFailure(cause, { server, session: false, stage: "call" }).error
    }),
    (subscription) => Effect.ignore(Effect.tryPromise(() => subscription.close()))
  )
  const again = Effect.gen(function* () {
    const { closed } = yield* open
    events.missed()
    return yield* Effect.promise(() => closed)
  }).pipe(Effect.scoped, Effect.retry(reopening))
  return Effect.gen(function* () {
    const { closed } = yield* open
    const follow = Effect.gen(function* () {
      let ended = yield* Effect.promise(() => closed)
      while (ended !== "local") {
        yield* Effect.sleep("1 second")
        ended = yield* again
      }
    }).pipe(Effect.catch(() => Effect.sync(events.gone)))
    yield* Effect.forkScoped(follow)
  })
}
