/** Contributions to the catalog: entries of one owner, replaced atomically; clients are notified of differences. */
import { Effect, type Scope } from "effect"
import { canSeeAny, type Audience, type Visibility } from "./Audience.ts"
import type { NameTaken } from "./CatalogError.ts"
import type { Changes, ListKind } from "./Change.ts"
import type { Entries, PromptEntry, ResourceEntry, TemplateEntry, ToolEntry } from "./Entry.ts"
import type { Lifetimes, Source } from "./EntryTable.ts"
import { OwnedEntries } from "./OwnedEntries.ts"
import type { PendingContributions } from "./PendingContributions.ts"
import type { Instructions } from "./Instructions.ts"
import type { Tables } from "./catalogTables.ts"

export interface ContributeOptions {
  /** Name in conflicts: `manifold`, the name of an upstream, the id of a connection. */
  readonly owner: string
  readonly entries: Entries
  /** Default: `"everybody"`. */
  readonly visibleTo?: Audience
  /** Lists, and calls of unknown names, wait for it: the owner does not know its entries yet. It must end soon. */
  readonly pending?: Effect.Effect<void>
  /** How long lists of the entries are valid. Absent: as long as those of the program. */
  readonly lifetimes?: Lifetimes
  /** The name of their calls in metrics, for entries whose names callers choose. Absent: those of the entries. */
  readonly callsAs?: string | undefined
}

export interface Report {
  /** Entries whose name is taken. Each is added as soon as its name is free. */
  readonly conflicts: ReadonlyArray<NameTaken>
}

/** Handle of the entries of one owner, which are removed when the scope of `contribute` closes. */
export interface Contribution {
  /**
   * Replaces all entries at once. Entries are compared by identity: the same object is an unchanged entry, and a changed
   * entry keeps its name. Clients are notified once per kind, and only of changes.
   */
  readonly replace: (entries: Entries) => Effect.Effect<Report>
  readonly report: Effect.Effect<Report>
  /** Publishes new contents of a resource to principals that read it from this owner. */
  readonly updated: (uri: string) => Effect.Effect<void>
}

/** The entries of one source in all tables. */
export class OwnedTables {
  readonly #tools: OwnedEntries<ToolEntry>
  readonly #prompts: OwnedEntries<PromptEntry>
  readonly #resources: OwnedEntries<ResourceEntry>
  readonly #templates: OwnedEntries<TemplateEntry>

  constructor(tables: Tables, source: Source) {
    this.#tools = new OwnedEntries(tables.tools, source)
    this.#prompts = new OwnedEntries(tables.prompts, source)
    this.#resources = new OwnedEntries(tables.resources, source)
    this.#templates = new OwnedEntries(tables.templates, source)
  }

  /** Conflicts that these entries would have now. */
  check({ prompts = [], resources = [], templates = [], tools = [] }: Entries): ReadonlyArray<NameTaken> {
    return [
      ...this.#tools.check(tools),
      ...this.#prompts.check(prompts),
      ...this.#resources.check(resources),
      ...this.#templates.check(templates)
    ]
  }

  replace({ prompts = [], resources = [], templates = [], tools = [] }: Entries): {
    readonly changed: ReadonlyMap<ListKind, ReadonlyArray<Visibility>>
    /** Tools whose cached results are out of date. */
    readonly stale: ReadonlyArray<string>
  } {
    const delta = this.#tools.replace(tools)
    const changed = new Map<ListKind, ReadonlyArray<Visibility>>([
      ["tools", delta.visibilities],
      ["prompts", this.#prompts.replace(prompts).visibilities],
      [
        "resources",
        [
          ...this.#resources.replace(resources).visibilities,
          ...this.#templates.replace(templates).visibilities
        ]
      ]
    ])
    return { changed, stale: delta.names }
  }

  get conflicts(): ReadonlyArray<NameTaken> {
    return [
      ...this.#tools.conflicts,
      ...this.#prompts.conflicts,
      ...this.#resources.conflicts,
      ...this.#templates.conflicts
    ]
  }
}

export interface Services {
  readonly tables: Tables
  readonly instructions: Instructions
  readonly changes: Changes
  /** Invalidates the cached results of these tools; without names, of all. */
  readonly invalidate: (...names: ReadonlyArray<string>) => Effect.Effect<void>
  readonly updated: (uri: string, source: Source) => Effect.Effect<void>
  readonly pending: PendingContributions
}

/** Above this number, invalidating all cached results is cheaper. */
const maxInvalidated = 1000

/** `strict`: fails with the first conflict and contributes nothing; otherwise conflicts are reported. */
const open = (
  { changes, instructions, invalidate, pending: waiting, tables, updated }: Services,
  { callsAs, entries, lifetimes, owner, pending, visibleTo = "everybody" }: ContributeOptions,
  strict: boolean
): Effect.Effect<Contribution, NameTaken, Scope.Scope> => {
  const acquire = Effect.suspend(() => {
    const source: Source = { owner, audience: visibleTo, lifetimes, callsAs }
    const owned = new OwnedTables(tables, source)
    const [conflict] = strict ? owned.check(entries) : []
    if (conflict !== undefined) return Effect.fail(conflict)
    let closed = false

    /** Changes the tables in one step, then invalidates caches, then notifies. Uninterruptible: no notification may be lost. */
    const put = (next: Entries) =>
      Effect.suspend(() => {
        const { changed, stale } = owned.replace(next)
        instructions.set(source, next.instructions)
        const announce = Effect.sync(() => {
          for (const [kind, visibilities] of changed) {
            if (visibilities.length > 0) {
              changes.publish(() => ({ kind, concerns: canSeeAny(visibilities) }))
            }
          }
        })
        if (stale.length === 0) return announce
        return Effect.andThen(invalidate(...(stale.length > maxInvalidated ? [] : stale)), announce)
      }).pipe(Effect.uninterruptible)
    const report = Effect.sync((): Report => ({ conflicts: owned.conflicts }))
    const contribution: Contribution = {
      // A late refresh must not restore the entries of a closed contribution.
      replace: (next) =>
        Effect.andThen(
          Effect.suspend(() => (closed ? Effect.void : put(next))),
          report
        ),
      report,
      updated: (uri) => updated(uri, source)
    }
    const withdraw = Effect.suspend(() => {
      closed = true
      return put({})
    })
    return Effect.as(put(entries), { contribution, withdraw })
  })
  const awaited = pending === undefined ? Effect.void : waiting.add(pending)
  return Effect.map(
    Effect.andThen(
      awaited,
      Effect.acquireRelease(acquire, ({ withdraw }) => withdraw)
    ),
    ({ contribution }) => contribution
  )
}

export const contribute = (services: Services, options: ContributeOptions) =>
  // Only the strict form fails.
  Effect.orDie(open(services, options, false))

/** Adds entries for all principals; fails with the first conflict and then adds nothing. */
export const add = (services: Services, owner: string, entries: Entries) =>
  Effect.asVoid(open(services, { owner, entries }, true))
