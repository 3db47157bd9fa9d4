/** Contributions to the catalog: entries of one owner, replaced atomically and announced by their difference. */
import { Effect, type Scope } from "effect"
import { canSeeAny, type Audience, type Visibility } from "./Audience.ts"
import type { NameTaken } from "./CatalogError.ts"
import type { Changes, ListKind } from "./Change.ts"
import type { Entries, PromptEntry, ResourceEntry, TemplateEntry, ToolEntry } from "./Entry.ts"
import type { Source } from "./EntryTable.ts"
import { OwnedEntries } from "./OwnedEntries.ts"
import type { Tables } from "./catalogTables.ts"

export interface ContributeOptions {
  /** Names the source in conflicts: `manifold`, an upstream's name, a connection's id. */
  readonly owner: string
  readonly entries: Entries
  /** Default: `"everybody"`. */
  readonly visibleTo?: Audience
}

export interface Report {
  /** Entries whose name another entry holds. Each takes its place as soon as the name is free. */
  readonly conflicts: ReadonlyArray<NameTaken>
}

/** A handle on the entries of one owner; they are withdrawn when the scope of `contribute` closes. */
export interface Contribution {
  /**
   * Replaces all entries at once. Entries are compared by identity: one whose object is the same has not changed, and a
   * changed one keeps its name. Clients are notified once per kind, and only if something changed.
   */
  readonly replace: (entries: Entries) => Effect.Effect<Report>
  readonly report: Effect.Effect<Report>
  /** Announces new contents of a resource to those who read it from this owner. */
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

  /** The conflicts that these entries would have now. */
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
    /** Tools whose cached results are no longer theirs. */
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
  readonly changes: Changes
  /** Drops the cached results of these tools; without names, of all. */
  readonly invalidate: (...names: ReadonlyArray<string>) => Effect.Effect<void>
  readonly updated: (uri: string, source: Source) => Effect.Effect<void>
}

/** Above this it is cheaper to drop all cached results. */
const mostInvalidated = 1000

/** `strict`: fails with the first conflict and contributes nothing, instead of reporting conflicts. */
const open = (
  { changes, invalidate, tables, updated }: Services,
  { entries, owner, visibleTo = "everybody" }: ContributeOptions,
  strict: boolean
): Effect.Effect<Contribution, NameTaken, Scope.Scope> => {
  const acquire = Effect.suspend(() => {
    const source: Source = { owner, audience: visibleTo }
    const owned = new OwnedTables(tables, source)
    const [conflict] = strict ? owned.check(entries) : []
    if (conflict !== undefined) return Effect.fail(conflict)
    let closed = false

    /** The tables change in one step; then caches, then clients. An interruption must not lose the announcement. */
    const put = (next: Entries) =>
      Effect.suspend(() => {
        const { changed, stale } = owned.replace(next)
        const announce = Effect.sync(() => {
          for (const [kind, visibilities] of changed) {
            if (visibilities.length > 0) {
              changes.publish(() => ({ kind, concerns: canSeeAny(visibilities) }))
            }
          }
        })
        if (stale.length === 0) return announce
        return Effect.andThen(invalidate(...(stale.length > mostInvalidated ? [] : stale)), announce)
      }).pipe(Effect.uninterruptible)
    const report = Effect.sync((): Report => ({ conflicts: owned.conflicts }))
    const contribution: Contribution = {
      // A late refresh of an owner that is gone must not bring its entries back.
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
  return Effect.map(
    Effect.acquireRelease(acquire, ({ withdraw }) => withdraw),
    ({ contribution }) => contribution
  )
}

export const contribute = (services: Services, options: ContributeOptions) =>
  // Only a strict one fails.
  Effect.orDie(open(services, options, false))

/** For everybody, and without a conflict or not at all. */
export const add = (services: Services, owner: string, entries: Entries) =>
  Effect.asVoid(open(services, { owner, entries }, true))
