/** `manifold serve`: serves MCP over stdio, or over HTTP with `--http`. */
import { Effect, identity, Layer, Option, Path } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { namedFile } from "../../layers/config/ConfigDocument.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { serveHttp } from "./serveHttp.ts"
import { UsageError } from "./UsageError.ts"
import { watchSource } from "./watchSource.ts"
import { serveStdio } from "./serveStdio.ts"

/** The same configuration with variables that the flags set. */
const withVariables = (variables: Readonly<Record<string, string>>) =>
  Layer.fresh(ConfigSource.layer).pipe(Layer.provideMerge(Environment.layerOver(variables)))

/** Variables of `--debug` and `--log-file`, whose path may be relative to the working folder. */
const variablesOf = Effect.fnUntraced(function* (debug: boolean, logFile: Option.Option<string>) {
  const { resolve } = yield* Path.Path
  return {
    ...(debug && { LOG_LEVEL: "debug" }),
    ...(Option.isSome(logFile) && { MANIFOLD_LOG_FILE: resolve(logFile.value) })
  }
})

export const serve = Command.make(
  "serve",
  {
    http: Flag.Boolean("http").pipe(
      Flag.withDescription("Serve HTTP instead of stdio"),
      Flag.withDefault(false)
    ),
    host: Flag.String("host").pipe(Flag.withDescription("Address to listen on (server.host)"), Flag.optional),
    port: Flag.Int("port").pipe(Flag.withDescription("Port to listen on (server.port)"), Flag.optional),
    workers: Flag.Int("workers").pipe(
      Flag.withDescription("Processes that share the port, on Linux (server.workers)"),
      Flag.optional
    ),
    reload: Flag.Boolean("reload").pipe(
      Flag.withDescription("Restart when the source changes (for development)"),
      Flag.withDefault(false)
    ),
    debug: Flag.Boolean("debug").pipe(
      Flag.withDescription("Log at level debug (LOG_LEVEL=debug)"),
      Flag.withDefault(false)
    ),
    logFile: Flag.String("log-file").pipe(
      Flag.withMetavar("file"),
      Flag.withDescription("Write the log to this file as well, and rotate it (logging.file)"),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* (flags) {
    const { debug, host, http, logFile, port, workers } = flags
    const variables = yield* variablesOf(debug, logFile)
    const configured = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.provide(effect, withVariables(variables))
    const isPlain = Object.keys(variables).length === 0
    if (!http) {
      const httpOnly = Object.entries({
        host: Option.isSome(host),
        port: Option.isSome(port),
        workers: Option.isSome(workers),
        reload: flags.reload
      })
      const [first] = httpOnly.find(([, given]) => given) ?? []
      if (first !== undefined) {
        return yield* new UsageError({ detail: `--${first} requires --http` })
      }
      return yield* serveStdio.pipe(isPlain ? identity : configured)
    }
    if (flags.reload) {
      const file = yield* namedFile
      return yield* watchSource([
        "serve",
        "--http",
        ...(Option.isSome(host) ? ["--host", host.value] : []),
        ...(Option.isSome(port) ? ["--port", String(port.value)] : []),
        ...(Option.isSome(workers) ? ["--workers", String(workers.value)] : []),
        ...(file === undefined ? [] : ["--config", file]),
        ...(debug ? ["--debug"] : []),
        ...("MANIFOLD_LOG_FILE" in variables ? ["--log-file", variables.MANIFOLD_LOG_FILE] : [])
      ])
    }
    if (Option.isSome(port) && (port.value < 0 || port.value > 65_535)) {
      return yield* new UsageError({ detail: `--port must be between 0 and 65535, got ${port.value}` })
    }
    if (Option.isSome(workers) && (workers.value < 1 || workers.value > 64)) {
      return yield* new UsageError({ detail: `--workers must be between 1 and 64, got ${workers.value}` })
    }
    return yield* serveHttp(
      {
        ...(Option.isSome(host) && { host: host.value }),
        ...(Option.isSome(port) && { port: port.value })
      },
      Option.getOrUndefined(workers)
    ).pipe(isPlain ? identity : configured)
  })
).pipe(
  Command.withDescription("Serve MCP over stdio or HTTP"),
  Command.withExamples([
    { command: "manifold serve", description: "Stdio server, as an AI client starts it" },
    { command: "manifold serve --http --port 8000", description: "HTTP service on this machine" },
    { command: "manifold serve --http --workers 2", description: "Two processes that share the port" },
    { command: "manifold serve --http --reload --debug", description: "During development" }
  ])
)
