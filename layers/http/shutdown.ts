/** Stops a listener: announces, drains, waits for running requests up to a time-out, then cuts the rest. */
import { Effect } from "effect"
import type { ListenerOptions } from "./ListenerOptions.ts"
import type { Routes } from "./Routes.ts"
import type { Sites } from "./Sites.ts"
import type * as sockets from "./webSockets.ts"

/** Whether a listener stops, and the end of its connections once it has stopped accepting. */
export interface Lifecycle {
  stopping: boolean
  retired: Promise<void> | undefined
}

export interface ShutdownOptions {
  readonly listener: ListenerOptions
  readonly lifecycle: Lifecycle
  readonly routes: Routes["Service"]
  readonly sites: Sites["Service"]
  readonly closeSockets: () => void
}

/** Accepts no new connection; open ones end by themselves, and nothing is drained. */
export const retire = (server: Bun.Server<sockets.Upgraded>, lifecycle: Lifecycle) =>
  Effect.sync(() => {
    lifecycle.stopping = true
    lifecycle.retired ??= server.stop(false)
  })

const drainAll = Effect.fnUntraced(function* ({ routes, sites }: Pick<ShutdownOptions, "routes" | "sites">) {
  const ofRoutes = (yield* routes.all).flatMap(({ drain }) => drain ?? [])
  yield* Effect.forEach(
    [...ofRoutes, ...(yield* sites.drains)],
    (drain) => Effect.catchCause(drain, (cause) => Effect.logError("a route or site failed to drain", cause)),
    { concurrency: "unbounded", discard: true }
  )
})

/** Announces the end, and goes on for as long as load balancers need to notice. */
const announce = Effect.fnUntraced(function* ({ lifecycle, listener }: ShutdownOptions) {
  lifecycle.stopping = true
  yield* listener.onStop ?? Effect.void
  yield* Effect.sleep(listener.drainDelay ?? 0)
})

/** For a server that is not ours: drains, and closes WebSockets. */
export const leave = Effect.fnUntraced(function* (options: ShutdownOptions) {
  yield* announce(options)
  yield* Effect.timeoutOption(drainAll(options), options.listener.shutdownTimeout ?? "5 seconds")
  options.closeSockets()
})

/** Requests that run into the time-out are aborted: their signals fire. A retired listener drains nothing. */
export const stop = (options: ShutdownOptions) => (server: Bun.Server<sockets.Upgraded>) =>
  Effect.gen(function* () {
    const { closeSockets, lifecycle, listener } = options
    const isRetired = lifecycle.retired !== undefined
    if (!isRetired) yield* announce(options)
    const stopped = (lifecycle.retired ??= server.stop(false))
    yield* Effect.gen(function* () {
      if (!isRetired) yield* drainAll(options)
      closeSockets()
      yield* Effect.promise(() => stopped)
    }).pipe(Effect.timeoutOption(listener.shutdownTimeout ?? "5 seconds"))
    closeSockets()
    yield* Effect.promise(() => server.stop(true))
  })
