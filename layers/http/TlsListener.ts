/** HTTPS listener with certificate hot reload at SIGHUP or when the files change. */
import { Effect, Layer, Queue } from "effect"
import { Signals } from "../platform/Signals.ts"
import { watchFiles } from "../platform/watchFiles.ts"
import * as Certificate from "./certificate.ts"
import { Listener } from "./Listener.ts"
import type { ListenerOptions } from "./ListenerOptions.ts"
import * as SwappableListener from "./SwappableListener.ts"

/** A renewed certificate replaces the previous one. An invalid one is logged, and the previous one stays in use. */
export const layer = (
  options: Omit<ListenerOptions, "tls" | "reusePort">,
  files: Certificate.CertificateFiles
) =>
  Layer.effect(
    Listener,
    Effect.gen(function* () {
      const signals = yield* Signals
      let certificate = yield* Certificate.load(files)
      const { replace, ...listener } = yield* SwappableListener.open(options, certificate)

      const renew = Effect.gen(function* () {
        const next = yield* Certificate.load(files)
        if (next.cert === certificate.cert && next.key === certificate.key) return
        yield* replace(next)
        certificate = next
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
      return Listener.of(listener)
    })
  )
