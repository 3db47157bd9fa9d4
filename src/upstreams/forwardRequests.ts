/** Forwards requests of callers to an upstream server, with progress, input requests and errors. */
import { Context, Effect } from "effect"
import { Progress, type Reporter } from "../../layers/progress/Progress.ts"
import type { Upstream } from "../../layers/upstream/Upstream.ts"
import type { Answer } from "../../layers/upstream/inputRounds.ts"
import type { Account } from "../../layers/upstream/oauth/Account.ts"
import { UpstreamError } from "../../layers/upstream/UpstreamError.ts"
import { Failed } from "../catalog/CatalogError.ts"
import { Caller } from "../catalog/Caller.ts"
import { Client } from "../catalog/Client.ts"
import type { Complete } from "../catalog/Entry.ts"
import { invalidParams, methodNotFound } from "../domain/errorCodes.ts"
import { chainKey, isLoop, type InstanceChain } from "../domain/instanceChain.ts"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"
import type { Policy } from "../domain/Policy.ts"
import type { Principal } from "../domain/Principal.ts"
import { answering, capabilitiesOf } from "./inputRequest.ts"
import { passedMeta } from "./passedMeta.ts"
import { mapArguments, mapResult, type UriMapping } from "./mappedUri.ts"
import type { Naming } from "./names.ts"
import type { RunningRequests } from "./RunningRequests.ts"
import { offerSignIn } from "./signInTool.ts"

export interface Source extends Naming {
  readonly upstream: Upstream
  readonly running: RunningRequests
  /** The client that the server's requests go to, for a caller's own: one with a model, if the caller has none. */
  readonly clientOf: (own: Client["Service"]) => Client["Service"]
  readonly timeLimit: Policy["timeLimit"]
  /** Signs in at the server. Absent: it has no sign-in. */
  readonly account: Account | undefined
  /** Whether the principal may sign in for the callers of this server. */
  readonly maySignIn: (principal: Principal) => boolean
  /** Whether requests have headers, so that arguments can be repeated there. */
  readonly overHttp: boolean
  /** Whether a tool of that name is served. */
  readonly serves: (tool: string) => boolean
  /** Id of this service, in the chains of calls to other instances. Absent: calls have no chain. */
  readonly instance: Effect.Effect<string> | undefined
  /** The mapping of its URIs; `undefined` while none is mapped. Replaced when its entries are published. */
  uris: () => UriMapping | undefined
  /** Cache of entries by definition: an unchanged entry stays the same object. */
  readonly known: Map<string, object>
}

/** An error with a JSON-RPC code is the server's response; without a code the server is unreachable. */
export const toFailed =
  (name: string) =>
  ({ code, data, message, signIn, unsent }: UpstreamError): Failed =>
    new Failed({
      name,
      detail: message,
      reason: code === undefined ? "UpstreamUnavailable" : "UpstreamError",
      ...(code === undefined && unsent && signIn === undefined && { transient: {} }),
      // Codes of this program are positive.
      ...(code !== undefined && code < 0 && { code, ...(data !== undefined && { data }) })
    })

const onProgress =
  (reporter: Reporter) =>
  (update: {
    readonly progress: number
    readonly total?: number | undefined
    readonly message?: string | undefined
  }) => {
    const { message, progress, total } = update
    Effect.runFork(
      reporter.report({
        progress,
        ...(total !== undefined && { total }),
        ...(message !== undefined && { message })
      })
    )
  }

/** Lets the caller sign in, and sends the request again. */
const afterSignIn =
  <A, R>({ account, maySignIn, upstream }: Source, request: Effect.Effect<A, UpstreamError, R>) =>
  (error: UpstreamError) =>
    Effect.gen(function* () {
      const { principal } = yield* Caller
      const { server, signIn, stage } = error
      const fail = (detail: string) =>
        new UpstreamError({ server, stage, detail, unsent: true, ...(signIn !== undefined && { signIn }) })
      if (account === undefined) return yield* error
      if (!maySignIn(principal)) return yield* fail(`${error.detail}; its operator must sign in`)
      const outcome = yield* offerSignIn(upstream.name, account, signIn?.scope)
      return outcome.signedIn ? yield* request : yield* fail(outcome.detail)
    })

/** The entry that a request is for. */
export interface Target {
  /** The served name, for errors. */
  readonly name: string
  /** From another instance: the instances that the entry came through. */
  readonly chain: InstanceChain | undefined
}

/** The params with the caller's `_meta`. */
const withPassed = (params: JsonObject, caller: Caller["Service"]): JsonObject => {
  const passed = passedMeta(caller)
  return passed === undefined ? params : { ...params, _meta: passed }
}

/**
 * The same, and with the chain of the call to another instance. Fails for a call that came through this service before: instances
 * that list each other could forward it without end while their lists are out of date.
 */
const withChain = Effect.fnUntraced(function* (
  instance: Effect.Effect<string>,
  name: string,
  params: JsonObject
): Effect.fn.Return<JsonObject, Failed, Caller> {
  const caller = yield* Caller
  const own = yield* instance
  const before = caller.chain ?? []
  if (!isLoop(before, own)) {
    return { ...params, _meta: { ...passedMeta(caller), [chainKey]: [...before, own] } }
  }
  const detail =
    "The call came through this service before: servers in mcpServers list each other. List the entries again."
  return yield* new Failed({ name, detail, reason: "UpstreamError" })
})

/** The instance in the chain of the call; `undefined` if the server is no other instance. */
const instanceOf = ({ instance }: Source, { chain }: Target) => (chain === undefined ? undefined : instance)

export const send = (
  source: Source,
  target: Target,
  method: string,
  params: JsonObject,
  headers?: Readonly<Record<string, string>>
) => {
  const { clientOf, running, upstream } = source
  const { name } = target
  const request = (sent: JsonObject, context: Context.Context<Progress | Client>, origin: object) => {
    const client = () => clientOf(Context.get(context, Client))
    // Most calls ask nothing.
    let answer: Answer | undefined
    return upstream.request(method, sent, {
      onProgress: onProgress(Context.get(context, Progress)),
      origin,
      answer: (requests) => (answer ??= answering(upstream.name, client()))(requests),
      capabilities: () => capabilitiesOf(client()),
      headers
    })
  }
  const forward = (toSent: (caller: Caller["Service"]) => JsonObject) =>
    running.run((context, origin) => {
      const requested = request(toSent(Context.get(context, Caller)), context, origin)
      return requested.pipe(
        Effect.catch((error) => {
          const last = error.signIn === undefined ? Effect.fail(error) : afterSignIn(source, requested)(error)
          return last.pipe(Effect.tapError(running.elicitations.addRequired), Effect.mapError(toFailed(name)))
        })
      )
    })
  const instance = instanceOf(source, target)
  return instance === undefined
    ? forward((caller) => withPassed(params, caller))
    : Effect.flatMap(withChain(instance, name, params), (sent) => forward(() => sent))
}

/** The result with served URIs: the same object while no URI of the server is mapped. */
export const toServedResult = ({ uris }: Source, result: JsonObject): JsonObject => {
  const mapping = uris()
  return mapping === undefined ? result : mapResult(result, mapping)
}

/** Arguments with the server's own URIs. */
export const toServerArguments = ({ uris }: Source, args: JsonObject): JsonObject => {
  const mapping = uris()
  return mapping === undefined ? args : mapArguments(args, mapping)
}

/** Codes of servers that declare completion, but cannot complete this argument. */
const notCompleted: ReadonlySet<number | undefined> = new Set([methodNotFound, invalidParams])

/** Whether the request may have begun, but got no response. */
const isUnanswered = (error: Failed | UpstreamError): error is UpstreamError =>
  error._tag === "UpstreamError" && error.code === undefined && !error.unsent

/** Values of an argument; empty if the server has no completion, or none of this argument. */
export const completing =
  (source: Source, target: Target, ref: JsonObject, argument: string): Complete =>
  (typed, given) => {
    const request = Effect.gen(function* () {
      const { upstream } = source
      const instance = instanceOf(source, target)
      const { capabilities } = yield* upstream.connection
      if (capabilities.completions === undefined) return []
      const params = {
        ref,
        argument: { name: argument, value: typed },
        ...(Object.keys(given).length > 0 && { context: { arguments: given } })
      }
      const { completion } = yield* upstream.request(
        "completion/complete",
        instance === undefined
          ? withPassed(params, yield* Caller)
          : yield* withChain(instance, target.name, params)
      )
      const values = isObject(completion) && Array.isArray(completion.values) ? completion.values : []
      return values.filter((value) => typeof value === "string")
    })
    return request.pipe(
      // It is safe to repeat, and its connection may have been closed before the response.
      Effect.catchIf(isUnanswered, ({ detail, server }) =>
        Effect.andThen(
          Effect.logWarning(`upstream ${server}: a completion got no response and is repeated`, detail),
          request
        )
      ),
      Effect.catchTag("UpstreamError", (error) =>
        notCompleted.has(error.code) ? Effect.succeed([]) : Effect.fail(toFailed(target.name)(error))
      )
    )
  }
