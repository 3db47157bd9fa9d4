/** Checks that the ports of the edge can be used, or that manifold already serves them. */
import { Effect } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as edge from "../../../layers/edge/section.ts"
import { Listener } from "../../../layers/http/Listener.ts"
import { type Check, fail, ok } from "./Check.ts"
import { notCheckable } from "./configuration.ts"
import { isManifold } from "./isManifold.ts"

/** Whether the port is free, or the reason why it is not. */
const isFree = (hostname: string, port: number) =>
  Listener.exclusive({ hostname, port, maxMessageBytes: 1, allowedHosts: [], corsOrigins: [] }).pipe(
    Effect.as("free" as const),
    Effect.catch(({ message, reason }) => Effect.succeed(reason === "InUse" ? ("used" as const) : message))
  )

const check = Effect.gen(function* () {
  const { host, http_port, https_port } = yield* (yield* ConfigSource).read(edge.section)
  if (https_port === undefined) return []
  const reachable = host === "0.0.0.0" || host === "::" ? "localhost" : host
  const isOwn = yield* Effect.cached(isManifold(`https://${reachable}:${https_port}/mcp`))
  const ports = { https_port, ...(http_port !== undefined && { http_port }) }
  return yield* Effect.forEach(Object.entries(ports), ([name, port]) =>
    Effect.gen(function* () {
      if (port === 0) return ok(`edge.${name} is 0: a free port is chosen at each start`)
      const found = yield* isFree(host, port)
      if (found === "free") return ok(`${host} port ${port} is free (edge.${name})`)
      if (found !== "used") return fail(`edge.${name}: ${found}`)
      return (yield* isOwn)
        ? ok(`manifold already serves port ${port} (edge.${name})`)
        : fail(`port ${port} is in use by another program: stop it, or set edge.${name} to another port`)
    })
  )
})

export const edgePorts: Check<ConfigSource> = {
  name: "edge ports",
  run: Effect.catchTag(check, "ConfigInvalid", () => Effect.succeed([notCheckable("the ports of the edge")]))
}
