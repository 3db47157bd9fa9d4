/** Checks across sections and of referenced files: problems that stop the service although each section is valid. */
import { Effect, type FileSystem, Option, type Path } from "effect"
import { ConfigInvalid, type Problem } from "../../layers/config/ConfigInvalid.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import * as Certificate from "../../layers/http/certificate.ts"
import * as edge from "../../layers/edge/section.ts"
import { isLoopback } from "../../layers/http/hosts.ts"
import * as http from "../../layers/http/section.ts"
import * as auth from "../../layers/identity/section.ts"
import * as Folder from "../../layers/templates/templateFolder.ts"
import * as templates from "../../layers/templates/section.ts"

/** Reads the certificate and the template folder, and fails with all problems at once. */
export const preflight: Effect.Effect<void, ConfigInvalid, ConfigSource | FileSystem.FileSystem | Path.Path> =
  Effect.gen(function* () {
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

    if (tokens.length === 0 && !isLoopback(host)) {
      const message = `${JSON.stringify(host)} is reachable from other machines: listen on 127.0.0.1, or configure a token in auth.tokens`
      problems.push({ path: "server.host", message, source })
    }
    if (tokens.length === 0 && edgeSettings.https_port !== undefined && !isLoopback(edgeSettings.host)) {
      const message = `${JSON.stringify(edgeSettings.host)} is reachable from other machines: listen on 127.0.0.1, or configure a token in auth.tokens`
      problems.push({ path: "edge.host", message, source })
    }
    if (tls !== undefined)
      yield* Certificate.load(tls).pipe(Effect.asVoid, Effect.catchTag("CertificateError", add))
    const folder = Option.getOrUndefined(dir)
    if (folder !== undefined)
      yield* Folder.read(folder).pipe(Effect.asVoid, Effect.catchTag("FolderError", add))
    if (problems.length > 0) return yield* new ConfigInvalid({ problems })
  })
