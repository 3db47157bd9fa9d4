/** Opens one upstream server: connects in the background, and updates its entries when its lists change. */
import { Deferred, Effect, type Scope, Semaphore } from "effect"
import type { Connection } from "../../layers/upstream/Connection.ts"
import type { Credentials } from "../../layers/upstream/oauth/Credentials.ts"
import type { SignIns } from "../../layers/upstream/oauth/SignIns.ts"
import type { StdioServices } from "../../layers/upstream/stdioTransport.ts"
import type { UpstreamError } from "../../layers/upstream/UpstreamError.ts"
import * as Upstream from "../../layers/upstream/Upstream.ts"
import { Catalog } from "../catalog/Catalog.ts"
import type { Client } from "../catalog/Client.ts"
import { accountOf } from "./accountOf.ts"
import { announceSignIn } from "./announceSignIn.ts"
import { forwardRequests } from "./forwardRequests.ts"
import { inContext } from "./inContext.ts"
import { nothing, readLists } from "./lists.ts"
import type { PublishedServer } from "./publishServer.ts"
import { orRejection, rereadLists } from "./rereadLists.ts"
import { RunningRequests } from "./RunningRequests.ts"
import { withModel } from "./sampleByModel.ts"
import { accept } from "./selectTools.ts"
import type { Summary } from "./Summary.ts"
import type { ServedUpstream, UpstreamSettings } from "./ServedUpstream.ts"
import { signInTool } from "./signInTool.ts"

/** Maximum time for which a known server that starts keeps others from starting. */
const longestStart = "5 seconds"

/** Loaded with the first connection: servers with known lists connect after the first responses. */
const transports = Effect.promise(() => import("../../layers/upstream/openConnection.ts"))

/** When the scope closes, the entries are removed, then the connection is closed. */
export const openServer: (
  options: UpstreamSettings,
  server: PublishedServer
) => Effect.Effect<ServedUpstream, never, Catalog | Credentials | Scope.Scope | SignIns | StdioServices> =
  Effect.fnUntraced(function* (
    {
      connectionTimeout,
      eager = true,
      fetch,
      initialReconnectDelay,
      instance,
      maxMessageBytes,
      maxReconnectAttempts,
      models,
      name,
      onUse = () => {},
      pingAfter,
      settings,
      signIn,
      starts,
      store,
      visibleTo = "everybody"
    },
    server
  ) {
    const { answered, published, source, validity } = server
    const catalog = yield* Catalog
    const services = yield* Effect.context<Credentials | Scope.Scope | SignIns | StdioServices>()
    const run = Effect.runForkWith(services)
    const scope = yield* Effect.scope
    const askedModels = settings.sampling === false ? undefined : models
    const clientOf = (own: Client["Service"]) =>
      askedModels === undefined ? own : withModel(own, askedModels)
    const running = new RunningRequests(clientOf)
    const turn = Semaphore.makeUnsafe(1)
    const hold = settings.on_change === "hold"
    const reported = new Set<string>()
    let { known, lists } = server
    const wasKnown = known !== undefined
    let looped = 0

    const account =
      signIn === undefined
        ? undefined
        : yield* accountOf(
            settings,
            signIn,
            Effect.suspend(() => afterSignIn)
          )

    const open: Upstream.UpstreamOptions["open"] = inContext(services)(
      Effect.flatMap(Effect.all([transports, fetch ?? Effect.undefined]), ([{ openConnection }, request]) =>
        openConnection({
          server: name,
          settings,
          maxMessageBytes,
          fetch: request,
          account,
          instance,
          timeout: connectionTimeout,
          pingAfter,
          ask: (method, params, origin) => running.ask(method, params, origin),
          onNotification: (method, params, origin) => {
            if (method.endsWith("/list_changed")) scheduleRelist()
            else if (method === "notifications/resources/updated") run(published.updated(String(params.uri)))
            else if (method === "notifications/elicitation/complete") {
              run(running.elicitations.complete(params.elicitationId))
            } else running.log(params, origin)
          },
          onPing: (failure) =>
            failure === undefined ? upstream.recover("ping") : upstream.degrade("ping", failure)
        })
      )
    )

    /** Returns the error of a list that the server rejects, while the others were read. */
    const refresh = (connection: Connection): Effect.Effect<UpstreamError | undefined, UpstreamError> =>
      turn.withPermit(
        Effect.gen(function* (): Effect.fn.Return<UpstreamError | undefined, UpstreamError> {
          const found = yield* readLists(name, connection, instance, known?.lists ?? nothing)
          const { looped: through, rejected, ttls } = found
          validity.begin(ttls)
          if (through > 0 && looped === 0) {
            yield* Effect.logWarning(
              `upstream ${name}: ${through} of its entries came through this service and are not served again, because ` +
                "it lists this service as an upstream server"
            )
          }
          looped = through
          // Pins may have been approved meanwhile.
          if (hold && store !== undefined) known = (yield* store.load(name, settings)) ?? known
          const accepted = accept(found, known, hold, reported)
          lists = accepted.lists
          known = accepted.next
          // The server has accepted the account: a caller never sees the tool to sign in beside the others.
          yield* offer(false)
          const conflicts = yield* published.replace(lists)
          for (const report of accepted.reports) yield* Effect.logWarning(`upstream ${name}: ${report}`)
          for (const { message } of conflicts) yield* Effect.logWarning(`${name}: ${message}`)
          yield* Deferred.succeed(answered, undefined)
          if (rejected.size === 0) yield* upstream.recover("lists")
          // What is stored has the tools and pins that are still served.
          if (store !== undefined && !rejected.has("tools")) yield* store.save(name, settings, known)
          return [...rejected.values()][0]
        })
      )

    let neededScope: string | undefined
    const upstream: Upstream.Upstream = yield* Upstream.make({
      name,
      open,
      maxReconnectAttempts,
      initialReconnectDelay,
      connectionTimeout,
      idleTimeout: settings.command === undefined ? undefined : settings.idle_timeout,
      onReady: (connection) => orRejection(refresh(connection), () => known !== undefined),
      onChange: Effect.fnUntraced(function* ({ failure, state }) {
        neededScope = failure?.signIn?.scope
        if (state === "unauthorized" || state === "ready") yield* offer(state === "unauthorized")
        if (failure === undefined) return yield* Effect.logDebug(`upstream ${name}: ${state}`)
        // Catalog lists do not wait for a server that failed.
        yield* Deferred.succeed(answered, undefined)
        yield* Effect.logWarning(`upstream ${name}: ${state}`, failure.message)
        if (upstream.degraded("lists")) yield* repeat
        if (state === "unauthorized" && account !== undefined && eager) {
          yield* announceSignIn(name, account, neededScope).pipe(
            Effect.provideContext(services),
            Effect.forkIn(scope)
          )
        }
      })
    })
    /** Another account may have other entries. */
    const afterSignIn: Effect.Effect<void> = Effect.suspend(() =>
      upstream.ready() ? relist : Effect.ignore(upstream.connection)
    )
    const { relist, repeat } = rereadLists({
      upstream,
      refresh,
      connectionTimeout,
      initialReconnectDelay,
      scope
    })
    /** At most one waits: a server may announce changes faster than its lists can be read. */
    let isRelistWaiting = false
    const scheduleRelist = () => {
      if (isRelistWaiting) return
      isRelistWaiting = true
      run(turn.withPermit(Effect.sync(() => (isRelistWaiting = false))).pipe(Effect.andThen(relist)))
    }
    /** Reads lists that are out of date again, unless the server must be connected or started for it. */
    const update = Effect.flatMap(upstream.status, ({ state }) => {
      if (state !== "ready" || validity.isValid()) return Effect.void
      validity.postpone()
      return relist
    })
    source.open = Effect.succeed(
      forwardRequests(source, {
        upstream: {
          ...upstream,
          request: (...args) =>
            Effect.suspend(() => {
              onUse()
              return upstream.request(...args)
            })
        },
        running,
        clientOf,
        account
      })
    )
    const signInTools =
      account === undefined || signIn === undefined
        ? []
        : [signInTool(name, source.prefix, account, () => neededScope)]
    const signInContribution = yield* catalog.contribute({
      owner: name,
      entries: {},
      visibleTo: visibleTo === "everybody" ? "operators" : visibleTo
    })
    /** Offers the tool to sign in while the server is unauthorized. */
    const offer = (unauthorized: boolean) =>
      signInContribution.replace(unauthorized ? { tools: signInTools } : {})
    const lazy = known !== undefined && settings.command !== undefined && settings.idle_timeout !== undefined
    if (eager && !lazy) {
      // Clients wait for servers that were never reached.
      const connecting = Effect.ignore(upstream.connection)
      yield* Effect.forkScoped(
        known === undefined || starts === undefined
          ? connecting
          : Effect.ignore(starts.withPermit(Effect.timeout(connecting, longestStart)))
      )
    }
    if (hold && store !== undefined) {
      // Before the server was opened.
      const wasApproved = Effect.map(
        store.load(name, settings),
        (stored) => (stored?.held.length ?? 0) < (known?.held.length ?? 0)
      )
      yield* Effect.forkScoped(Effect.andThen(Effect.when(relist, wasApproved), store.watch(name, relist)))
    }
    // Clients get what is known, and are notified of changes.
    const updating = Effect.sync(() => void run(update))
    const updateSoon = () => (validity.isValid() ? undefined : updating)
    if (visibleTo === "everybody") yield* catalog.onDemand(updateSoon)
    yield* Effect.addFinalizer(() => server.withdraw)
    const summary = Effect.map(upstream.status, (status): Summary => ({
      ...status,
      name,
      tools: lists.tools.length,
      prompts: lists.prompts.length,
      resources: lists.resources.length,
      held: known?.held ?? [],
      looped
    }))
    return {
      known: wasKnown,
      summary,
      connection: upstream.connection,
      upstream,
      account,
      update,
      updateSoon,
      uris: () => source.uris(),
      lists: Effect.sync(() => ({
        ...lists,
        tools: lists.tools.filter((tool) => source.serves(String(tool.name)))
      })),
      busy: () => running.size > 0 || account?.isWaiting() === true
    }
  })
