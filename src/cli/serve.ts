/** `manifold serve`: over standard input and output, or with `--http` as a service. */
import { Console, Effect, Layer, Option } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Listener } from "../../layers/platform/Listener.ts"
import type { Overrides } from "../http/Service.ts"
import { mcp } from "./program.ts"
import { serveStdio } from "./stdio.ts"

/** Loaded when it is needed: a stdio start does not pay for it. */
const service = (overrides: Overrides) =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("../http/Service.ts")),
      ({ layer }) => layer(overrides)
    )
  )

const overHttp = (overrides: Overrides) =>
  Effect.gen(function* () {
    const { url } = yield* Listener
    yield* Console.error(`manifold serves MCP at ${new URL("/mcp", url).href}. Press Ctrl-C to stop.`)
    return yield* Effect.never
  }).pipe(Effect.provide(service(overrides).pipe(Layer.provide(mcp))))

export const serve = Command.make(
  "serve",
  {
    http: Flag.Boolean("http").pipe(
      Flag.withDescription("Serve HTTP instead of stdio"),
      Flag.withDefault(false)
    ),
    host: Flag.String("host").pipe(Flag.withDescription("Address to listen on (server.host)"), Flag.optional),
    port: Flag.Int("port").pipe(Flag.withDescription("Port to listen on (server.port)"), Flag.optional)
  },
  Effect.fnUntraced(function* ({ host, http, port }) {
    if (!http) return yield* serveStdio
    return yield* overHttp({
      ...(Option.isSome(host) && { host: host.value }),
      ...(Option.isSome(port) && { port: port.value })
    })
  })
).pipe(
  Command.withDescription("Serve MCP over stdio, or over HTTP"),
  Command.withExamples([
    { command: "manifold serve", description: "A stdio server, as an AI client launches it" },
    { command: "manifold serve --http --port 8000", description: "An HTTP service on this machine" }
  ])
)
