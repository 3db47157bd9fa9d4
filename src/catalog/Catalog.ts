/** Catalog of tools, prompts and resources: lists, calls, gets and reads entries for every transport and command. */
import { Context, Effect, Layer, type Scope } from "effect"
import { Guard } from "../../layers/guard/Guard.ts"
import type { LimiterUnavailable, RateLimited } from "../../layers/guard/GuardError.ts"
import { Forbidden, type GuardRejection, type TimedOut } from "../../layers/guard/GuardError.ts"
import { nested, RunningCall, type Call } from "../../layers/ledger/Calls.ts"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import type { PromptOutput, ReadOutput, ToolOutput } from "../domain/Content.ts"
import { defaults, type Policy } from "../domain/Policy.ts"
import { Identity } from "../domain/Identity.ts"
import type { Principal, Scope as Permission } from "../domain/Principal.ts"
import { Caller } from "./Caller.ts"
import {
  Failed,
  NotFound,
  type CallError,
  type InvalidCursor,
  type Kind,
  type NameTaken
} from "./CatalogError.ts"
import { announcements } from "./announcements.ts"
import { Changes, type Change, type ListKind } from "./Change.ts"
import { completionOf, maxCompletions, type Completion } from "./completion.ts"
import { PendingContributions } from "./PendingContributions.ts"
import { add, contribute, type ContributeOptions, type Contribution } from "./Contribution.ts"
import type {
  CallerServices,
  CallServices,
  Entries,
  PromptEntry,
  ResourceEntry,
  TemplateEntry,
  ToolEntry
} from "./Entry.ts"
import type { EntryTable } from "./EntryTable.ts"
import { Instructions } from "./Instructions.ts"
import { jsonSize } from "./jsonSize.ts"
import { locator } from "./locateResource.ts"
import { page, type ListPage } from "./pagination.ts"
import { privateResults } from "./privateResults.ts"
import { missingArguments } from "./requiredArguments.ts"
import { makeTables } from "./catalogTables.ts"

/** Lists the visible entries of one kind by name, one page at a time. */
export type Listing<A> = (
  principal: Principal,
  cursor?: string
) => Effect.Effect<ListPage<A>, InvalidCursor | RateLimited | LimiterUnavailable>

export interface CatalogOptions {
  /** Maximum number of entries per page of a list. */
  readonly pageSize: number
  /** Approximate maximum size of a page, in bytes. Default: 1 MiB. */
  readonly pageBytes?: number
  /** Approximate maximum size of a result as JSON, in bytes; a larger one is an error. Default: 8 MiB. */
  readonly maxResultBytes?: number
}

const mebibyte = 1024 * 1024

/** A top-level call. Its ids are lazy. */
const toCall = (
  principal: Principal,
  caller: Caller["Service"],
  kind: Call["kind"],
  name: string,
  template: string | undefined
): Call => ({
  kind,
  name,
  template,
  principal,
  trace: caller.trace,
  session: caller.session,
  conversation: caller.conversation,
  get requestId() {
    return caller.requestId
  },
  get correlationId() {
    return caller.correlationId ?? caller.trace?.traceId ?? caller.requestId
  }
})

/** The caller of a nested call. */
const callerOf = (
  { conversation, correlationId, principal, requestId, session, trace }: Call,
  caller: Caller["Service"]
): Caller["Service"] => ({
  principal,
  requestId,
  correlationId,
  trace,
  session,
  conversation,
  program: caller.program,
  ...(caller.call !== undefined && { call: caller.call })
})

/** The handler of a call, and its attributes for Guard. */
interface Target<A, E> {
  readonly policy: Policy
  readonly effect: Effect.Effect<A, E, CallServices>
  readonly args?: unknown
  /** Absent: read-only and idempotent. */
  readonly hints?: ToolEntry["hints"]
  readonly template?: string
}

const policies = new WeakMap<object, Policy>()
/** The policy of an entry that only has scopes. */
const policyOf = (entry: { readonly scopes: ReadonlyArray<Permission> }): Policy => {
  let policy = policies.get(entry)
  if (policy === undefined) policies.set(entry, (policy = { ...defaults, scopes: entry.scopes }))
  return policy
}

export class Catalog extends Context.Service<
  Catalog,
  {
    /**
     * Contributes the entries of one owner while the scope is open. Reports name conflicts; the first entry keeps the
     * name.
     */
    readonly contribute: (options: ContributeOptions) => Effect.Effect<Contribution, never, Scope.Scope>
    /** Adds entries of the program, for all principals. Fails with the first name conflict and then adds nothing. */
    readonly add: (entries: Entries) => Effect.Effect<void, NameTaken, Scope.Scope>
    /** Counts a request that is not a call, such as a ping, under the rate limits of the principal. */
    readonly meter: Guard["Service"]["meter"]
    /** Lists are counted under the rate limits of the principal. */
    readonly tools: Listing<ToolEntry>
    readonly prompts: Listing<PromptEntry>
    readonly resources: Listing<ResourceEntry>
    readonly templates: Listing<TemplateEntry>
    /** The visible tool of that name, or of its alias (`math_add` for `math.add`). */
    readonly tool: (principal: Principal, name: string) => Effect.Effect<ToolEntry | undefined>
    readonly call: (
      principal: Principal,
      name: string,
      args: unknown
    ) => Effect.Effect<ToolOutput, CallError, CallerServices>
    readonly get: (
      principal: Principal,
      name: string,
      args: Readonly<Record<string, string>>
    ) => Effect.Effect<PromptOutput, CallError, CallerServices>
    readonly read: (principal: Principal, uri: string) => Effect.Effect<ReadOutput, CallError, CallerServices>
    /**
     * Checks that the principal may read the resource, and watches its source until the scope closes. Fails with
     * `NotFound` if the resource is not visible, with `Forbidden` if the principal lacks scopes that it could obtain.
     */
    readonly subscribe: (
      principal: Principal,
      uri: string
    ) => Effect.Effect<void, NotFound | Forbidden | Failed, Scope.Scope>
    /** At most 100 values, and their total number. */
    readonly complete: (
      principal: Principal,
      completion: Completion
    ) => Effect.Effect<
      { readonly values: ReadonlyArray<string>; readonly total: number },
      CallError,
      CallerServices
    >
    /** `own`, and the instructions of the owners of visible entries. */
    readonly instructions: (principal: Principal, own: string | undefined) => string | undefined
    /** Publishes a change of the entries of a kind whose list itself is unchanged. */
    readonly changed: (kind: ListKind) => Effect.Effect<void>
    /** Publishes new contents of a resource. */
    readonly updated: (uri: string) => Effect.Effect<void>
    /** Calls the listener with every change while the scope is open; it must not throw. */
    readonly watch: (listener: (change: Change) => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("manifold/catalog/Catalog") {
  static readonly make = Effect.fnUntraced(function* (options: CatalogOptions) {
    const { maxResultBytes = 8 * mebibyte, pageBytes = mebibyte, pageSize } = options
    const limits = { entries: pageSize, bytes: pageBytes }
    const guard = yield* Guard
    const progress = yield* ProgressEvents
    const { name: owner } = yield* Identity
    const changes = new Changes()
    const tables = makeTables()
    const { prompts, resources, templates, tools } = tables
    const locate = locator(resources, templates)
    const { changed, updated } = announcements(changes, tables, locate)
    const pending = new PendingContributions()
    const instructions = new Instructions()
    const contributions = { tables, instructions, changes, updated, pending, invalidate: guard.invalidate }
    /** Looks again when the catalog is complete, if it was not. */
    const settled = <A, E, R>(look: () => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.suspend(() => {
        const waiting = pending.settled
        return waiting === undefined ? look() : Effect.andThen(waiting, Effect.suspend(look))
      })

    const listing =
      <A extends object>(table: EntryTable<A>): Listing<A> =>
      (principal, cursor) =>
        Effect.andThen(
          guard.meter(principal),
          settled(() => page((after) => table.visible(principal, after), table.key, limits, cursor))
        )

    /** Fails if the result is too large: it would be cached and sent as a whole. */
    const bounded =
      (name: string) =>
      <A extends object>(output: A): Effect.Effect<A, Failed> => {
        const bytes = jsonSize(output, maxResultBytes)
        if (bytes <= maxResultBytes) return Effect.succeed(output)
        const detail =
          `The result of ${name} exceeds ${maxResultBytes} bytes (mcp.max_result_bytes). ` +
          "Request a smaller part of it."
        return Effect.fail(new Failed({ name, detail, reason: "ResultTooLarge" }))
      }

    /** Fails with `NotFound` for entries that are not visible to the principal, else runs the handler under Guard. */
    const run = <A, E>(
      principal: Principal,
      kind: Kind | "completion",
      name: string,
      target: Target<A, E> | undefined,
      missing: Kind = kind === "completion" ? "prompt" : kind
    ): Effect.Effect<A, E | NotFound | GuardRejection | TimedOut, CallerServices> =>
      target === undefined || !principal.mayReach(target.policy.scopes)
        ? Effect.fail(new NotFound({ kind: missing, name }))
        : Effect.contextWith((context: Context.Context<CallerServices>) => {
            const caller = Context.get(context, Caller)
            const parent = Context.get(context, RunningCall).call
            const { args, effect: handler, hints, policy, template } = target
            const call =
              parent === undefined
                ? toCall(principal, caller, kind, name, template)
                : nested(parent, { kind, name, principal, template })
            const effect =
              parent !== undefined
                ? Effect.provideService(handler, Caller, callerOf(call, caller))
                : caller.carry === undefined
                  ? handler
                  : caller.carry(handler)
            const readOnly = hints === undefined || hints.readOnlyHint === true
            return guard.protect(
              {
                call,
                policy,
                readOnly,
                idempotent: readOnly || hints?.idempotentHint === true,
                args,
                // Progress of a nested call is part of its parent's, whose handler reports it.
                tracker: progress.track(call, parent === undefined ? caller.onProgress : undefined)
              },
              effect
            )
          })

    return Catalog.of({
      contribute: (contributed) => contribute(contributions, contributed),
      add: (entries) => add(contributions, owner, entries),
      meter: guard.meter,
      tools: listing(tools),
      prompts: listing(prompts),
      resources: listing(resources),
      templates: listing(templates),
      tool: (principal, name) =>
        Effect.sync(() => {
          const claim = tools.resolve(principal, name)
          return claim !== undefined && principal.mayReach(claim.entry.policy.scopes)
            ? claim.entry
            : undefined
        }),
      call: (principal, name, args) => {
        const look = () => {
          const claim = tools.resolve(principal, name)
          const entry = claim?.entry
          return run(
            principal,
            "tool",
            entry?.name ?? name,
            entry && {
              policy: privateResults(claim.source.audience, entry.policy),
              effect: Effect.flatMap(entry.call(args), bounded(name)),
              args,
              hints: entry.hints
            }
          )
        }
        return tools.resolve(principal, name) === undefined ? settled(look) : look()
      },
      get: (principal, name, args) => {
        const look = () => {
          const entry = prompts.find(principal, name)?.entry
          const missing = entry && missingArguments(entry, args)
          const effect =
            missing === undefined
              ? entry && Effect.flatMap(entry.get(args), bounded(name))
              : Effect.fail(missing)
          return run(principal, "prompt", name, entry && effect && { policy: policyOf(entry), effect })
        }
        return prompts.find(principal, name) === undefined ? settled(look) : look()
      },
      read: (principal, uri) => {
        const look = (located: ReturnType<typeof locate>) =>
          run(
            principal,
            "resource",
            uri,
            located && {
              policy: policyOf(located.entry),
              effect: Effect.flatMap(located.read, bounded(uri)),
              ...(located.template !== undefined && { template: located.template })
            }
          )
        const located = locate(principal, uri)
        return located === undefined ? settled(() => look(locate(principal, uri))) : look(located)
      },
      subscribe: (principal, uri) =>
        Effect.suspend((): Effect.Effect<void, NotFound | Forbidden | Failed, Scope.Scope> => {
          const located = locate(principal, uri)
          if (located === undefined || !principal.mayReach(located.entry.scopes)) {
            return Effect.fail(new NotFound({ kind: "resource", name: uri }))
          }
          const { scopes } = located.entry
          if (!principal.may(scopes)) return Effect.fail(new Forbidden({ name: uri, scopes }))
          return located.subscribe(principal)
        }),
      complete: (principal, completion) => {
        const look = () => {
          const { complete, entry, kind, name } = completionOf(tables, principal, completion)
          const effect =
            complete === undefined
              ? Effect.succeed<ReadonlyArray<string>>([])
              : complete(completion.typed, completion.given)
          return run(principal, "completion", name, entry && { policy: policyOf(entry), effect }, kind).pipe(
            Effect.map((values) => ({ values: values.slice(0, maxCompletions), total: values.length }))
          )
        }
        return completionOf(tables, principal, completion).entry === undefined ? settled(look) : look()
      },
      instructions: (principal, own) => instructions.merged(principal, own),
      changed,
      updated: (uri) => updated(uri),
      watch: (listener) => changes.watch(listener)
    })
  })

  static readonly layer = Layer.effect(Catalog, Catalog.make({ pageSize: 100 }))
}
