/** `manifold serve`: over standard input and output, or with `--http` as a service. */
import { Effect, identity, Layer, Option } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { namedFile } from "../../layers/config/ConfigDocument.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { serveHttp } from "./serveHttp.ts"
import { UsageError } from "./UsageError.ts"
import { watchSource } from "./watchSource.ts"
import { serveStdio } from "./serveStdio.ts"

/** The same configuration, read anew with the log's level over it. */
const debugging = Layer.fresh(ConfigSource.layer).pipe(
  Layer.provideMerge(Environment.layerOver({ LOG_LEVEL: "debug" }))
)
const withDebugLog = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, debugging)

export const serve = Command.make(
  "serve",
  {
    http: Flag.Boolean("http").pipe(
      Flag.withDescription("Serve HTTP instead of stdio"),
      Flag.withDefault(false)
    ),
    host: Flag.String("host").pipe(Flag.withDescription("Address to listen on (server.host)"), Flag.optional),
    port: Flag.Int("port").pipe(Flag.withDescription("Port to listen on (server.port)"), Flag.optional),
    reload: Flag.Boolean("reload").pipe(
      Flag.withDescription("Start again when the source changes; for development"),
      Flag.withDefault(false)
    ),
    debug: Flag.Boolean("debug").pipe(
      Flag.withDescription("Log everything down to debug (LOG_LEVEL=debug)"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* (flags) {
    const { debug, host, http, port } = flags
    if (!http) {
      const idle = Object.entries({
        host: Option.isSome(host),
        port: Option.isSome(port),
        reload: flags.reload
      })
      const [first] = idle.find(([, given]) => given) ?? []
      if (first !== undefined) {
        return yield* new UsageError({ detail: `--${first} is for the HTTP service: add --http` })
      }
      return yield* serveStdio.pipe(debug ? withDebugLog : identity)
    }
    if (flags.reload) {
      const file = yield* namedFile
      return yield* watchSource([
        "serve",
        "--http",
        ...(Option.isSome(host) ? ["--host", host.value] : []),
        ...(Option.isSome(port) ? ["--port", String(port.value)] : []),
        ...(file === undefined ? [] : ["--config", file]),
        ...(debug ? ["--debug"] : [])
      ])
    }
    if (Option.isSome(port) && (port.value < 0 || port.value > 65_535)) {
      return yield* new UsageError({ detail: `--port is from 0 to 65535, and not ${port.value}` })
    }
    return yield* serveHttp({
      ...(Option.isSome(host) && { host: host.value }),
      ...(Option.isSome(port) && { port: port.value })
    }).pipe(debug ? withDebugLog : identity)
  })
).pipe(
  Command.withDescription("Serve MCP over stdio, or over HTTP"),
  Command.withExamples([
    { command: "manifold serve", description: "A stdio server, as an AI client launches it" },
    { command: "manifold serve --http --port 8000", description: "An HTTP service on this machine" },
    { command: "manifold serve --http --reload --debug", description: "While the program is being changed" }
  ])
)
