/** Checks the TLS certificate of the HTTP service and its expiry. */
import { DateTime, Duration, Effect, type FileSystem } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as Certificate from "../../../layers/http/certificate.ts"
import * as http from "../../../layers/http/section.ts"
import { type Check, fail, ok, warn } from "./Check.ts"
import { notCheckable } from "./configuration.ts"

/** A 90-day certificate that is renewed on time never gets this close to its expiry. */
const soon = Duration.toMillis(Duration.days(14))

export const certificate: Check<ConfigSource | FileSystem.FileSystem> = {
  name: "certificate",
  run: Effect.gen(function* () {
    const { tls } = yield* Effect.flatMap(ConfigSource, (config) => config.read(http.section))
    if (tls === undefined) return []
    const { validTo } = yield* Certificate.load(tls)
    const left = Date.parse(validTo) - DateTime.toEpochMillis(yield* DateTime.now)
    return left < soon
      ? [
          warn(
            `${tls.cert_file} expires on ${validTo}: renew it; a running service loads the new one automatically`
          )
        ]
      : [ok(`${tls.cert_file} is valid until ${validTo}`)]
  }).pipe(
    Effect.catchTags({
      ConfigInvalid: () => Effect.succeed([notCheckable("the certificate")]),
      CertificateError: ({ message }) => Effect.succeed([fail(message)])
    })
  )
}
