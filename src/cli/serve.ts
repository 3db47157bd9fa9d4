/** `manifold serve`: over standard input and output, or with `--http` as a service. */
import { Effect, Option } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { serveHttp } from "./http.ts"
import { serveStdio } from "./stdio.ts"

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
    return yield* serveHttp({
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
