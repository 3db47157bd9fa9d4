/** Checks that the HTTP service can listen on its configured address, or that manifold already does. */
import { Effect, type FileSystem, Layer, type Path } from "effect"
import { Audit } from "../../../layers/audit/Audit.ts"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Authenticator } from "../../../layers/identity/Authenticator.ts"
import { CredentialVerifiers } from "../../../layers/identity/CredentialVerifiers.ts"
import { StoredTokens } from "../../../layers/identity/StoredTokens.ts"
import { Listener } from "../../../layers/http/Listener.ts"
import * as http from "../../../layers/http/section.ts"
import type { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { Machine } from "../../../layers/platform/Machine.ts"
import { Routes } from "../../../layers/http/Routes.ts"
import { Sites } from "../../../layers/http/Sites.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { type Check, fail, messageOf, ok } from "./Check.ts"
import { notCheckable } from "./configuration.ts"
import { isManifold } from "./isManifold.ts"

/** Command that shows the process listening on a port. */
const listenerCommand = (os: string, port: number) =>
  ({ linux: `ss -ltnp 'sport = :${port}'`, win32: `netstat -ano | findstr :${port}` })[os] ??
  `lsof -i :${port}`

const checkOccupied = Effect.fnUntraced(function* (scheme: "http" | "https", host: string, port: number) {
  const { os } = yield* Machine
  const reachable = host === "0.0.0.0" || host === "::" ? "localhost" : host
  const url = `${scheme}://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}/mcp`
  return (yield* isManifold(url))
    ? ok(`manifold already serves ${url}`)
    : fail(
        `port ${port} is in use by another program: stop it (\`${listenerCommand(os, port)}\` shows it), or set server.port to another port`
      )
})

const listen = Effect.gen(function* () {
  const config = yield* ConfigSource
  const { allowed_hosts, cors_origins, host, max_message_bytes, port, tls } = yield* config.read(http.section)
  yield* Effect.flatMap(Authenticator, (authenticator) => authenticator.requireFor(host)).pipe(
    Effect.provide(
      Layer.merge(Authenticator.layer, StoredTokens.layer).pipe(
        Layer.provide([CredentialVerifiers.layer, Audit.layer]),
        Layer.provide(Sql.layer),
        Layer.provide(Storage.layer)
      )
    )
  )
  const listener = Listener.layer({
    hostname: host,
    port,
    maxMessageBytes: max_message_bytes,
    allowedHosts: allowed_hosts,
    corsOrigins: cors_origins
  })
  return yield* Effect.scoped(Layer.build(Layer.provide(listener, [Routes.layer, Sites.layer]))).pipe(
    Effect.as(
      ok(
        port === 0 ? "server.port is 0: a free port is chosen at each start" : `${host} port ${port} is free`
      )
    ),
    Effect.catchTag("ListenError", (error) =>
      error.reason === "InUse"
        ? checkOccupied(tls === undefined ? "http" : "https", host, port)
        : Effect.succeed(fail(error.message))
    )
  )
})

export const port: Check<ConfigSource | Environment | FileSystem.FileSystem | Ids | Machine | Path.Path> = {
  name: "port",
  run: listen.pipe(
    Effect.catchTags({
      ConfigInvalid: () => Effect.succeed(notCheckable("the address")),
      // The other lines of the message are example configuration.
      VerifierUnavailable: ({ message }) => Effect.succeed(fail(message)),
      BindRefused: ({ message }) => Effect.succeed(fail(messageOf(message.split("\n")[0])))
    }),
    Effect.map((finding) => [finding])
  )
}
