/** Calls on a REST connection: through the catalog and its limits, within the time limit of the request. */
import { Duration, Effect } from "effect"
import type { Failed } from "../catalog/CatalogError.ts"
import { Caller } from "../catalog/Caller.ts"
import { Client } from "../catalog/Client.ts"
import type { CallerServices } from "../catalog/Entry.ts"
import type { ReadOutput, ToolOutput } from "../domain/Content.ts"
import { servedNames } from "../upstreams/names.ts"
import { NotFound, RequestTimeout } from "./errors.ts"
import type { OpenedClient } from "./openClient.ts"
import { rejected } from "./rejections.ts"
import { callerOf, RestRequest } from "./RestRequest.ts"
import { defaultTimeout } from "./serverSettings.ts"
import { monotonicNow } from "../../layers/platform/monotonic.ts"

interface CallOptions {
  /** Such as `tools/call echo`. */
  readonly call: string
  /** In seconds. */
  readonly timeout: number | null | undefined
}

/** Interrupts the call at its time limit, which cancels it at the server. */
const limited = <A, E, R>(effect: Effect.Effect<A, E, R | CallerServices>, { call, timeout }: CallOptions) =>
  Effect.flatMap(RestRequest, (request) => {
    const limit = timeout == null ? Duration.seconds(defaultTimeout) : Duration.seconds(timeout)
    return effect.pipe(
      Effect.provideService(Caller, callerOf(request, call)),
      Effect.provideService(Client, Client.absent),
      Effect.timeoutOrElse({
        duration: limit,
        orElse: () =>
          Effect.fail(
            new RequestTimeout({ detail: `${call} exceeded ${Duration.toSeconds(limit)} s (timeout).` })
          )
      })
    )
  })

const unknown = (kind: string, name: string) =>
  new NotFound({ detail: `Unknown ${kind}: ${name.slice(0, 200)}. List the ${kind}s of this connection.` })

/** The name under which the catalog has an entry of the server. */
const servedName = Effect.fnUntraced(function* (
  { lists, naming }: OpenedClient,
  kind: "tool" | "prompt",
  name: string
) {
  const all = yield* lists
  const names = (kind === "tool" ? all.tools : all.prompts).map((item) => String(item.name))
  const served = servedNames(naming, names).get(name)
  return served ?? (yield* unknown(kind, name))
})

const resultOf = ({ content, structured }: ToolOutput): unknown => structured ?? { content }

/** The tool, or its server, has answered with an error. */
const isAnswer = ({ reason }: Failed) => reason !== "UpstreamUnavailable"

export const callTool = Effect.fnUntraced(function* (
  client: OpenedClient,
  {
    args,
    name,
    timeout
  }: { readonly args: object; readonly name: string; readonly timeout: CallOptions["timeout"] }
) {
  const { principal } = yield* RestRequest
  const served = yield* servedName(client, "tool", name)
  const started = yield* monotonicNow
  const outcome = yield* limited(
    client.catalog.call(principal, served, args).pipe(
      Effect.map((output) => ({ status: "success" as const, result: resultOf(output), error: null })),
      Effect.catch((error) =>
        error._tag === "Failed" && isAnswer(error)
          ? Effect.succeed({
              status: "error" as const,
              result: error.output === undefined ? null : resultOf(error.output),
              error: error.detail
            })
          : rejected(error)
      )
    ),
    { call: `tools/call ${served}`, timeout }
  )
  const ended = yield* monotonicNow
  return { ...outcome, execution_time: (ended - started) / 1000 }
})

/** Without the URI, which the response has beside it; all parts, if there are several. */
const contentOf = ({ contents }: ReadOutput) => {
  const [first, ...others] = contents
  if (first === undefined || others.length > 0) return { contents: [...contents] }
  const { uri: _, ...content } = first
  return content
}

export const readResource = Effect.fnUntraced(function* (
  client: OpenedClient,
  { timeout, uri }: { readonly uri: string; readonly timeout: CallOptions["timeout"] }
) {
  const { principal } = yield* RestRequest
  // The URI may be another server's in the catalog.
  const reading = client.catalog.read(principal, client.uris()?.toServed(uri) ?? uri)
  return yield* limited(
    reading.pipe(
      Effect.map(contentOf),
      Effect.catch((error) => rejected(error))
    ),
    { call: `resources/read ${uri}`, timeout }
  )
})

export const getPrompt = Effect.fnUntraced(function* (
  client: OpenedClient,
  {
    args,
    name,
    timeout
  }: {
    readonly args: Readonly<Record<string, string>>
    readonly name: string
    readonly timeout: CallOptions["timeout"]
  }
) {
  const { principal } = yield* RestRequest
  const served = yield* servedName(client, "prompt", name)
  return yield* limited(
    client.catalog.get(principal, served, args).pipe(
      Effect.map(({ meta: _, ...content }) => content),
      Effect.catch((error) => rejected(error))
    ),
    { call: `prompts/get ${served}`, timeout }
  )
})

/** What the server lists, without tools that are not served here. */
export const lists = Effect.fnUntraced(function* ({ catalog, lists: listed, naming, update }: OpenedClient) {
  const { principal } = yield* RestRequest
  yield* update
  const { prompts, resources, tools } = yield* listed
  const names = servedNames(
    naming,
    tools.map(({ name }) => String(name))
  )
  const served = yield* Effect.filter(tools, ({ name }) =>
    Effect.map(catalog.tool(principal, names.get(String(name)) ?? ""), (entry) => entry !== undefined)
  )
  return { tools: served, prompts, resources }
})
