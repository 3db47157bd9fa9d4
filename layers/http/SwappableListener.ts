/** HTTPS listener whose certificates can be replaced while it serves. */
import { Effect, Exit, Scope } from "effect"
import type { Ids } from "../platform/Ids.ts"
import type { ListenError } from "./ListenError.ts"
import { Listener, type OpenListener } from "./Listener.ts"
import type { ListenerOptions } from "./ListenerOptions.ts"
import type { Routes } from "./Routes.ts"
import type { Sites } from "./Sites.ts"

/** Retired listeners with open connections; beyond it the oldest is closed. Each holds its own copy of the certificates. */
const leastRetired = 4
const mostRetired = 64
/** Certificates in all retired listeners together: 4.5 KB of memory each. */
const mostCertificates = 40_000

/** How long both listeners accept, so that connections in the queue of the previous one are accepted before it closes. */
const overlap = "20 millis"

type Certificates = NonNullable<ListenerOptions["tls"]>

interface Running {
  readonly listener: OpenListener
  readonly scope: Scope.Closeable
}

export interface SwappableListener extends OpenListener {
  /**
   * Opens a second listener with these certificates on the same port and retires the first: open connections continue, new
   * ones get the new certificates. After a failure the previous certificates stay in use.
   */
  readonly replace: (tls: Certificates) => Effect.Effect<void, ListenError, Routes | Sites | Ids>
}

const countOf = (tls: Certificates) => ("fallback" in tls ? tls.named.length + 1 : 1)

/** Listens while the scope is open. Fails if another program listens on the address, also one that would share it. */
export const open = Effect.fnUntraced(function* (
  options: Omit<ListenerOptions, "tls" | "reusePort">,
  initial: Certificates
) {
  // Closed at the same time: otherwise each listener with open connections would add its time-out to a shutdown.
  const parent = yield* Scope.fork(yield* Effect.scope, "parallel")
  const retired: Array<Running> = []

  const start = Effect.fnUntraced(function* (tls: Certificates, port: number) {
    const scope = yield* Scope.fork(parent)
    const listener = yield* Scope.provide(
      Listener.open({ ...options, port, tls, reusePort: true }),
      scope
    ).pipe(Effect.onError(() => Scope.close(scope, Exit.void)))
    return { listener, scope } satisfies Running
  })

  const close = (running: Running) =>
    Effect.suspend(() => {
      const index = retired.indexOf(running)
      if (index >= 0) retired.splice(index, 1)
      return Scope.close(running.scope, Exit.void)
    })

  const retire = Effect.fnUntraced(function* (running: Running, most: number) {
    yield* running.listener.retire
    retired.push(running)
    const [oldest] = retired
    if (oldest !== undefined && retired.length > most) yield* Effect.forkIn(close(oldest), parent)
    yield* Effect.forkIn(Effect.andThen(running.listener.ended, close(running)), parent)
  })

  // Where processes share the port, their supervisor has checked it.
  if (options.port !== 0 && options.shared !== true) yield* Listener.exclusive({ ...options, tls: initial })
  let current = yield* start(initial, options.port)

  const replace = Effect.fnUntraced(function* (tls: Certificates) {
    const previous = current
    current = yield* start(tls, previous.listener.port)
    yield* Effect.sleep(overlap)
    const most = Math.floor(mostCertificates / countOf(tls))
    yield* retire(previous, Math.min(mostRetired, Math.max(leastRetired, most)))
  }, Effect.uninterruptible)

  const { hostname, port, url } = current.listener
  return {
    hostname,
    port,
    url,
    replace,
    sockets: () => [...retired, current].reduce((sum, { listener }) => sum + listener.sockets(), 0),
    retire: Effect.suspend(() => current.listener.retire),
    ended: Effect.suspend(() => current.listener.ended)
  } satisfies SwappableListener
})
