/** Catalog of tools, prompts and resources: lists, calls, gets and reads entries for every transport and command. */
import { Context, Effect, Layer, type Scope } from "effect"
import { Guard } from "../../layers/guard/Guard.ts"
import type { LimiterUnavailable, RateLimited } from "../../layers/guard/GuardError.ts"
import { Forbidden } from "../../layers/guard/GuardError.ts"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import type { PromptOutput, ReadOutput, ToolOutput } from "../domain/Content.ts"
import { Identity } from "../domain/Identity.ts"
import type { Principal } from "../domain/Principal.ts"
import { Failed, NotFound, type CallError, type InvalidCursor, type NameTaken } from "./CatalogError.ts"
import { announcements } from "./announcements.ts"
import { Changes, type Change, type ListKind } from "./Change.ts"
import { completionOf, maxCompletions, type Completion } from "./completion.ts"
import { type OnDemand, PendingContributions } from "./PendingContributions.ts"
import { add, contribute, type ContributeOptions, type Contribution } from "./Contribution.ts"
import type {
  CallerServices,
  Entries,
  PromptEntry,
  ResourceEntry,
  TemplateEntry,
  ToolEntry
} from "./Entry.ts"
import type { EntryTable, Lifetimes } from "./EntryTable.ts"
import { Instructions } from "./Instructions.ts"
import { jsonSize } from "./jsonSize.ts"
import { locator } from "./locateResource.ts"
import { page, type ListPage } from "./pagination.ts"
import { privateResults } from "./privateResults.ts"
import { entryRunner, policyOf } from "./runEntry.ts"
import { missingArguments } from "./requiredArguments.ts"
import { makeTables } from "./catalogTables.ts"

/** Lists the visible entries of one kind by name, one page at a time. */
export type Listing<A> = (
  principal: Principal,
  cursor?: string,
  options?: {
    /** `own`: does not wait for servers that have not answered yet. Default: `all`. */
    readonly waitFor?: "all" | "own"
    /** Size of an entry in the form that is sent, about, in bytes. Default: that of the entry as JSON. */
    readonly sizeOf?: (entry: A) => number
  }
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

export class Catalog extends Context.Service<
  Catalog,
  {
    /**
     * Contributes the entries of one owner while the scope is open. Reports name conflicts; the first entry keeps the
     * name.
     */
    readonly contribute: (options: ContributeOptions) => Effect.Effect<Contribution, never, Scope.Scope>
    /** Lists, and calls of unknown names, wait for the entries that the source makes for their principal. */
    readonly onDemand: (open: OnDemand) => Effect.Effect<void, never, Scope.Scope>
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
    const settled = <A, E, R>(
      principal: Principal,
      look: () => Effect.Effect<A, E, R>,
      waitFor?: "all" | "own"
    ): Effect.Effect<A, E, R> =>
      Effect.suspend(() => {
        const waiting = pending.settled(principal, waitFor)
        return waiting === undefined ? look() : Effect.andThen(waiting, Effect.suspend(look))
      })

    const listing =
      <A extends object>(table: EntryTable<A>, kind: keyof Lifetimes): Listing<A> =>
      (principal, cursor, { sizeOf, waitFor } = {}) =>
        Effect.andThen(
          guard.meter(principal),
          settled(
            principal,
            () =>
              page(
                (after) => table.visible(principal, after),
                ({ lifetimes }) => lifetimes?.[kind](),
                limits,
                cursor,
                sizeOf
              ),
            waitFor
          )
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

    const run = entryRunner(guard, progress)

    return Catalog.of({
      contribute: (contributed) => contribute(contributions, contributed),
      onDemand: (open) => pending.addOnDemand(open),
      add: (entries) => add(contributions, owner, entries),
      meter: guard.meter,
      tools: listing(tools, "tools"),
      prompts: listing(prompts, "prompts"),
      resources: listing(resources, "resources"),
      templates: listing(templates, "templates"),
      tool: (principal, name) =>
        Effect.sync(() => {
          const claim = tools.resolve(principal, name)
          return claim !== undefined && principal.mayReach(claim.entry.policy.scopes, claim.entry.name)
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
              hints: entry.hints,
              template: claim.source.callsAs
            }
          )
        }
        return tools.resolve(principal, name) === undefined ? settled(principal, look) : look()
      },
      get: (principal, name, args) => {
        const look = () => {
          const { entry, source } = prompts.find(principal, name) ?? {}
          const missing = entry && missingArguments(entry, args)
          const effect =
            missing === undefined
              ? entry && Effect.flatMap(entry.get(args), bounded(name))
              : Effect.fail(missing)
          const target = entry && effect && { policy: policyOf(entry), effect, template: source?.callsAs }
          return run(principal, "prompt", name, target)
        }
        return prompts.find(principal, name) === undefined ? settled(principal, look) : look()
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
              template: located.source.callsAs ?? located.template
            }
          )
        const located = locate(principal, uri)
        return located === undefined ? settled(principal, () => look(locate(principal, uri))) : look(located)
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
        return completionOf(tables, principal, completion).entry === undefined
          ? settled(principal, look)
          : look()
      },
      instructions: (principal, own) => instructions.merged(principal, own),
      changed,
      updated: (uri) => updated(uri),
      watch: (listener) => changes.watch(listener)
    })
  })

  static readonly layer = Layer.effect(Catalog, Catalog.make({ pageSize: 100 }))
}
