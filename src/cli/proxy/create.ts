/** `manifold proxy create` and `update`: publish an application, or replace its target and options. */
import { Console, Effect, Option } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { NewProxy, ProxyUpdate } from "../../../layers/edge/proxies/Proxy.ts"
import { ProxyTable } from "../../../layers/edge/ProxyTable.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { UsageError } from "../UsageError.ts"
import { asOperator, decoded } from "./asOperator.ts"

export const hostname = Argument.String("hostname").pipe(
  Argument.withDescription("Host name, such as app.example.com or *.example.com")
)

export const revision = Flag.Int("revision").pipe(
  Flag.withDescription("Do nothing if the entry was changed since this revision"),
  Flag.optional
)

const seconds = (name: string, description: string) =>
  Flag.Finite(name).pipe(Flag.withMetavar("seconds"), Flag.withDescription(description), Flag.optional)
const count = (name: string, description: string) =>
  Flag.Int(name).pipe(Flag.withDescription(description), Flag.optional)

const input = {
  hostname,
  targetUrl: Argument.String("target_url").pipe(
    Argument.withDescription("URL of the application, such as http://localhost:3000")
  ),
  protect: Flag.String("protect").pipe(
    Flag.withMetavar("scope"),
    Flag.withDescription("Scope that requests need, such as read (default: none)"),
    Flag.optional
  ),
  setHeader: Flag.String("set-header").pipe(
    Flag.withMetavar("name:value"),
    Flag.withDescription("Set a header of requests; can be repeated"),
    Flag.between(0, 32)
  ),
  removeHeader: Flag.String("remove-header").pipe(
    Flag.withMetavar("name"),
    Flag.withDescription("Remove a header of requests; can be repeated"),
    Flag.between(0, 32)
  ),
  targetHost: Flag.Boolean("target-host").pipe(
    Flag.withDescription("Send the host of the target instead of that of the client"),
    Flag.withDefault(false)
  ),
  noWebsocket: Flag.Boolean("no-websocket").pipe(
    Flag.withDescription("Allow no WebSockets"),
    Flag.withDefault(false)
  ),
  responseTimeout: seconds("response-timeout", "Time until the response begins (default: 60)"),
  idleTimeout: seconds("idle-timeout", "Time without data after which a response is ended (default: 300)"),
  maxBodyBytes: count("max-body-bytes", "Largest request body (default: edge.max_body_bytes)"),
  maxRequests: count(
    "max-requests",
    "Maximum requests at the same time (default: edge.max_requests_per_host)"
  ),
  json: jsonFlag
}

type Input = Command.Command.Config.Infer<typeof input>

const headersOf = Effect.fnUntraced(function* (given: ReadonlyArray<string>) {
  const headers: Record<string, string> = {}
  for (const each of given) {
    const colon = each.indexOf(":")
    if (colon <= 0) return yield* new UsageError({ detail: `--set-header ${each}: write it as name:value` })
    headers[each.slice(0, colon).trim().toLowerCase()] = each.slice(colon + 1).trim()
  }
  return headers
})

const requestOf = Effect.fnUntraced(function* (given: Input) {
  const headers = yield* headersOf(given.setHeader)
  return {
    hostname: given.hostname,
    target_url: given.targetUrl,
    protect: Option.getOrUndefined(given.protect),
    set_headers: given.setHeader.length === 0 ? undefined : headers,
    remove_headers:
      given.removeHeader.length === 0 ? undefined : given.removeHeader.map((name) => name.toLowerCase()),
    preserve_host: given.targetHost ? false : undefined,
    websocket: given.noWebsocket ? false : undefined,
    response_timeout: Option.getOrUndefined(given.responseTimeout),
    idle_timeout: Option.getOrUndefined(given.idleTimeout),
    max_body_bytes: Option.getOrUndefined(given.maxBodyBytes),
    max_requests: Option.getOrUndefined(given.maxRequests)
  }
})

export const create = Command.make(
  "create",
  input,
  Effect.fnUntraced(function* (given) {
    const request = yield* decoded(NewProxy, yield* requestOf(given))
    const made = yield* (yield* ProxyTable).create(request, "operator")
    if (given.json) return yield* Console.log(JSON.stringify(made))
    yield* Console.log(
      `Published ${made.hostname} to ${made.target_url}. Running services serve it within a second.`
    )
  }, asOperator)
).pipe(
  Command.withDescription("Publish an application under a host name"),
  Command.withExamples([
    {
      command: "manifold proxy create app.example.com http://localhost:3000",
      description: "The application on port 3000 of this machine"
    },
    {
      command: "manifold proxy create team.example.com http://10.0.0.8:8080 --protect read",
      description: "An application of the network, for users with the scope read"
    }
  ])
)

export const update = Command.make(
  "update",
  { ...input, revision },
  Effect.fnUntraced(function* ({ revision: seen, ...given }) {
    const request = { ...(yield* requestOf(given)), revision: Option.getOrUndefined(seen) }
    const made = yield* (yield* ProxyTable).update(yield* decoded(ProxyUpdate, request), "operator")
    if (given.json) return yield* Console.log(JSON.stringify(made))
    yield* Console.log(
      `Changed ${made.hostname}, now to ${made.target_url}. Running services follow within a second.`
    )
  }, asOperator)
).pipe(Command.withDescription("Replace the target and all options of a published application"))
