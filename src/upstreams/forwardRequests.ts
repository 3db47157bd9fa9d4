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
import { invalidParams, methodNotFound } from "../domain/errorCodes.ts"
import { chainKey, isLoop } from "../domain/instanceChain.ts"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"
import { answering, capabilitiesOf } from "./inputRequest.ts"
import { passedMeta } from "./passedMeta.ts"
import type { RunningRequests } from "./RunningRequests.ts"
import type { OpenServer, Source, Target } from "./Source.ts"
import { toFailed } from "./toFailed.ts"
import { offerSignIn } from "./signInTool.ts"

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
  <A, R>(
    { maySignIn, server: name }: Source,
    account: Account | undefined,
    request: Effect.Effect<A, UpstreamError, R>
  ) =>
  (error: UpstreamError) =>
    Effect.gen(function* () {
      const { principal } = yield* Caller
      const { server, signIn, stage } = error
      const fail = (detail: string) =>
        new UpstreamError({ server, stage, detail, unsent: true, ...(signIn !== undefined && { signIn }) })
      if (account === undefined) return yield* error
      if (!maySignIn(principal)) return yield* fail(`${error.detail}; its operator must sign in`)
      const outcome = yield* offerSignIn(name, account, signIn?.scope)
      return outcome.signedIn ? yield* request : yield* fail(outcome.detail)
    })

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

/** What requests are sent with. */
export interface Forwarding {
  readonly upstream: Upstream
  readonly running: RunningRequests
  /** The client that the server's requests go to, for a caller's own: one with a model, if the caller has none. */
  readonly clientOf: (own: Client["Service"]) => Client["Service"]
  /** Signs in at the server. Absent: it has no sign-in. */
  readonly account: Account | undefined
}

const forward = (
  source: Source,
  { account, clientOf, running, upstream }: Forwarding,
  { name }: Target,
  method: string,
  headers: Readonly<Record<string, string>> | undefined,
  toSent: (caller: Caller["Service"]) => JsonObject
) => {
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
  return running.run((context, origin) => {
    const requested = request(toSent(Context.get(context, Caller)), context, origin)
    return requested.pipe(
      Effect.catch((error) => {
        const last =
          error.signIn === undefined ? Effect.fail(error) : afterSignIn(source, account, requested)(error)
        return last.pipe(Effect.tapError(running.elicitations.addRequired), Effect.mapError(toFailed(name)))
      })
    )
  })
}

const sending =
  (source: Source, forwarding: Forwarding): OpenServer["send"] =>
  (target, method, params, headers) => {
    const instance = instanceOf(source, target)
    return instance === undefined
      ? forward(source, forwarding, target, method, headers, (caller) => withPassed(params, caller))
      : Effect.flatMap(withChain(instance, target.name, params), (sent) =>
          forward(source, forwarding, target, method, headers, () => sent)
        )
  }

/** Codes of servers that declare completion, but cannot complete this argument. */
const notCompleted: ReadonlySet<number | undefined> = new Set([methodNotFound, invalidParams])

/** Whether the request may have begun, but got no response. */
const isUnanswered = (error: Failed | UpstreamError): error is UpstreamError =>
  error._tag === "UpstreamError" && error.code === undefined && !error.unsent

const completing =
  (source: Source, { upstream }: Forwarding): OpenServer["complete"] =>
  (target, ref, argument, given) => {
    const request = Effect.gen(function* () {
      const instance = instanceOf(source, target)
      const { capabilities } = yield* upstream.connection
      if (capabilities.completions === undefined) return []
      const params = {
        ref,
        argument,
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

export const forwardRequests = (source: Source, forwarding: Forwarding): OpenServer => ({
  send: sending(source, forwarding),
  complete: completing(source, forwarding),
  subscribe: (name, uri) => Effect.mapError(forwarding.upstream.subscribe(uri), toFailed(name))
})
