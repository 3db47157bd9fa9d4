/** HTTPS listener with certificate hot reload at SIGHUP or when the files change. */
import { Effect, Exit, Layer, Queue, Scope } from "effect"
import { Signals } from "../platform/Signals.ts"
import { watchFiles } from "../platform/watchFiles.ts"
import * as Certificate from "./certificate.ts"
import { Listener, type OpenListener } from "./Listener.ts"
import type { ListenerOptions } from "./ListenerOptions.ts"

/** Most retired listeners with open connections; beyond it the oldest is closed. */
const maxRetired = 4

interface Running {
  readonly listener: OpenListener
  readonly scope: Scope.Closeable
}

/**
 * A renewed certificate opens a second listener on the same port and retires the first: open connections continue, new
 * ones get the new certificate. An invalid certificate is logged and the previous one stays in use.
 */
export const layer = (
  options: Omit<ListenerOptions, "tls" | "reusePort">,
  files: Certificate.CertificateFiles
) =>
  Layer.effect(
    Listener,
    Effect.gen(function* () {
      const parent = yield* Effect.scope
      const signals = yield* Signals
      let certificate = yield* Certificate.load(files)
      const retired: Array<Running> = []

      const open = Effect.fnUntraced(function* ({ cert, key }: Certificate.Certificate, port: number) {
        const scope = yield* Scope.fork(parent)
        const listener = yield* Scope.provide(
          Listener.open({ ...options, port, tls: { cert, key }, reusePort: true }),
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

      const retire = Effect.fnUntraced(function* (running: Running) {
        yield* running.listener.retire
        retired.push(running)
        const [oldest] = retired
        if (oldest !== undefined && retired.length > maxRetired) yield* Effect.forkIn(close(oldest), parent)
        yield* Effect.forkIn(Effect.andThen(running.listener.ended, close(running)), parent)
      })

      if (options.port !== 0) yield* Listener.exclusive({ ...options, tls: certificate })
      let current = yield* open(certificate, options.port)

      const renew = Effect.gen(function* () {
        const next = yield* Certificate.load(files)
        if (next.cert === certificate.cert && next.key === certificate.key) return
        const opened = yield* open(next, current.listener.port)
        const previous = current
        current = opened
        certificate = next
        yield* retire(previous)
        yield* Effect.logInfo("certificate renewed").pipe(
          Effect.annotateLogs({ cert_file: files.cert_file, valid_to: next.validTo })
        )
      }).pipe(
        Effect.catch((error) =>
          Effect.logError(`certificate not renewed, still using the previous one: ${error.message}`)
        )
      )

      const due = yield* Queue.sliding<void>(1)
      const trigger = () => Queue.offerUnsafe(due, undefined)
      yield* signals.onHangup(trigger)
      yield* Effect.forkScoped(watchFiles([files.cert_file, files.key_file], Effect.sync(trigger)))
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Queue.take(due), renew)))

      const { hostname, port, url } = current.listener
      return Listener.of({
        hostname,
        port,
        url,
        sockets: () => [...retired, current].reduce((sum, { listener }) => sum + listener.sockets(), 0),
        retire: Effect.suspend(() => current.listener.retire),
        ended: Effect.suspend(() => current.listener.ended)
      })
    })
  )
