/** Checks across sections and of referenced files: problems that stop the service although each section is valid. */
import { Effect, Option } from "effect"
import { ConfigInvalid, type Problem } from "../../layers/config/ConfigInvalid.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import type { DecodeServices } from "../../layers/config/DecodeServices.ts"
import * as Certificate from "../../layers/http/certificate.ts"
import * as edge from "../../layers/edge/section.ts"
import { isLoopback } from "../../layers/http/hosts.ts"
import * as http from "../../layers/http/section.ts"
import * as auth from "../../layers/identity/section.ts"
import type { Ids } from "../../layers/platform/Ids.ts"
import * as Folder from "../../layers/templates/templateFolder.ts"
import * as templates from "../../layers/templates/section.ts"
import { hasStoredCaller } from "./hasStoredCaller.ts"

/** Reads the certificate and the template folder, and fails with all problems at once. */
export const preflight: Effect.Effect<void, ConfigInvalid, ConfigSource | DecodeServices | Ids> = Effect.gen(
  function* () {
    const config = yield* ConfigSource
    const { source = "defaults" } = yield* config.found
    const { host, tls } = yield* config.read(http.section)
    const { tokens } = yield* config.read(auth.section)
    const edgeSettings = yield* config.read(edge.section)
    const dir = Option.map(yield* config.readOption(templates.section), (settings) => settings.dir)
    const problems: Array<Problem> = []
    const add = (error: { readonly message: string }) =>
      Effect.sync(() => {
        // These messages begin with the name of the setting.
        const [, path = "", message = error.message] = /^([a-z_.]+):? (.*)$/s.exec(error.message) ?? []
        problems.push({ path, message, source })
      })

    const reachable = [
      ["server.host", host] as const,
      ...(edgeSettings.https_port === undefined ? [] : [["edge.host", edgeSettings.host] as const])
    ].filter(([, each]) => !isLoopback(each))
    // Stored tokens and accounts are looked for only if they decide.
    if (reachable.length > 0 && tokens.length === 0 && !(yield* hasStoredCaller)) {
      for (const [path, each] of reachable) {
        const message = `${JSON.stringify(each)} is reachable from other machines: listen on 127.0.0.1, create a token (\`manifold token create me\`), or configure one in auth.tokens`
        problems.push({ path, message, source })
      }
    }
    if (tls !== undefined)
      yield* Certificate.load(tls).pipe(Effect.asVoid, Effect.catchTag("CertificateError", add))
    const folder = Option.getOrUndefined(dir)
    if (folder !== undefined)
      yield* Folder.read(folder).pipe(Effect.asVoid, Effect.catchTag("FolderError", add))
    if (problems.length > 0) return yield* new ConfigInvalid({ problems })
  }
)
