/** Whether the certificate of the HTTP service can be used, and for how long. */
import { DateTime, Duration, Effect, type FileSystem } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as Certificate from "../../../layers/http/certificate.ts"
import * as http from "../../../layers/http/section.ts"
import { type Check, fail, ok, warn } from "./Check.ts"
import { unknown } from "./configuration.ts"

/** Less than what is left of one of 90 days when it is renewed in time. */
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
            `${tls.cert_file} expires on ${validTo}: renew it; a running service takes the new one by itself`
          )
        ]
      : [ok(`${tls.cert_file} is valid until ${validTo}`)]
  }).pipe(
    Effect.catchTags({
      ConfigInvalid: () => Effect.succeed([unknown("the certificate")]),
      CertificateError: ({ message }) => Effect.succeed([fail(message)])
    })
  )
}
