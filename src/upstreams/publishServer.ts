/** Publishes the entries of one upstream server that its stored lists have, before the server is opened. */
import { Clock, Deferred, Effect, Exit, Scope } from "effect"
import { isOperator } from "../catalog/Audience.ts"
import { decoders, pickers } from "./definitions.ts"
import type { Source } from "./Source.ts"
import { nothing, type Lists } from "./lists.ts"
import { ListValidity } from "./ListValidity.ts"
import { publishEntries, type PublishedEntries } from "./publishEntries.ts"
import type { UpstreamSettings } from "./ServedUpstream.ts"
import { serves } from "./servedTools.ts"
import type { Known } from "./storedText.ts"
import { monotonicMillis } from "../../layers/platform/monotonic.ts"

/** Maximum time that catalog lists wait for the server's first lists. */
const firstAnswer = "5 seconds"

export interface PublishedServer {
  /** What was stored; `undefined` if nothing was. */
  readonly known: Known | undefined
  /** The lists of the published entries. */
  readonly lists: Lists
  readonly source: Source
  readonly published: PublishedEntries
  readonly validity: ListValidity
  /** Done when the server has answered or failed: catalog lists wait for it if nothing is known. */
  readonly answered: Deferred.Deferred<void>
  /** Removes the entries, as when the scope closes. */
  readonly withdraw: Effect.Effect<void>
}

/** `known`: what is stored of the server. Opening the server sets `source.open`. */
export const publishServer = Effect.fnUntraced(function* (
  {
    callsAs,
    eager = true,
    instance,
    name,
    settings,
    uriOrder,
    visibleTo = "everybody"
  }: Pick<
    UpstreamSettings,
    "callsAs" | "eager" | "instance" | "name" | "settings" | "uriOrder" | "visibleTo"
  >,
  known: Known | undefined
) {
  const clock = yield* Clock.Clock
  const own = yield* Scope.fork(yield* Effect.scope)
  const answered = Deferred.makeUnsafe<void>()
  const validity = new ListValidity(() => monotonicMillis(clock))
  const lists: Lists =
    known === undefined
      ? nothing
      : known.held.length === 0
        ? known.lists
        : {
            ...known.lists,
            tools: known.lists.tools.filter(({ name: tool }) => !known.held.includes(String(tool)))
          }
  const source: Source = {
    server: name,
    prefix: settings.prefix ?? name,
    rename: settings.rename,
    open: Effect.never,
    maySignIn: visibleTo === "everybody" ? isOperator : () => true,
    timeLimit: settings.time_limit,
    overHttp: settings.url?.startsWith("http") === true && settings.type !== "sse",
    serves: serves(settings),
    instance,
    uris: () => undefined,
    known: new Map()
  }
  const published = yield* publishEntries({
    name,
    source,
    lists,
    decode: known?.canPick === true ? pickers : decoders,
    visibleTo,
    pending:
      eager && known === undefined
        ? Effect.ignore(Effect.timeout(Deferred.await(answered), firstAnswer))
        : undefined,
    lifetimes: validity.lifetimes,
    callsAs,
    uriOrder
  }).pipe(Effect.provideService(Scope.Scope, own))
  const server: PublishedServer = {
    known,
    lists,
    source,
    published,
    validity,
    answered,
    withdraw: Scope.close(own, Exit.void)
  }
  return server
})
