/** Renders templates: those that came with the program, with an operator's own above them. */
import {
  Clock,
  Context,
  Duration,
  Effect,
  type FileSystem,
  Layer,
  Option,
  type Path,
  type Scope
} from "effect"
import { BoundedCache } from "../cache/BoundedCache.ts"
import { ConfigSource } from "../config/ConfigSource.ts"
import type { Templating } from "./engine.ts"
import type { Filter } from "./filters.ts"
import * as Folder from "./templateFolder.ts"
import type { Variables } from "./Rendering.ts"
import { checkTemplates, type Example, type Report } from "./checkTemplates.ts"
import { section, type Settings } from "./section.ts"
import { TemplateError } from "./TemplateError.ts"
import type { Source, TemplateSet } from "./TemplateSet.ts"

/** Characters of all texts that are kept. */
const mostKept = 4 * 1024 * 1024

/** Since the start. `milliseconds` were spent rendering, `characters` are kept. */
export interface Stats {
  readonly renders: number
  readonly hits: number
  readonly failures: number
  readonly milliseconds: number
  readonly entries: number
  readonly characters: number
  /** How often the templates have changed. */
  readonly version: number
}

const isSame = (a: ReadonlyMap<string, Source>, b: ReadonlyMap<string, Source>) =>
  a.size === b.size && [...a].every(([name, { text }]) => b.get(name)?.text === text)

const overdue = (template: string, limit: Duration.Duration) =>
  new TemplateError({
    reason: "time",
    template,
    detail: `it took longer than ${Duration.format(limit)} (templates.timeout)`
  })

export class Templates extends Context.Service<
  Templates,
  {
    /**
     * The text of a template. Where an operator's template fails, the program's own is used and the failure logged, if
     * there is one of that name. Texts are kept for `templates.cache_ttl` by template and variables.
     */
    readonly render: (name: string, variables: Variables) => Effect.Effect<string, TemplateError>
    /** Adds to what `check` renders, while the scope is open. */
    readonly example: (examples: () => ReadonlyArray<Example>) => Effect.Effect<void, never, Scope.Scope>
    /** Compiles every template and renders the examples, without the cache and without falling back. */
    readonly check: Effect.Effect<Report>
    /** Forgets every text that was kept. */
    readonly invalidate: Effect.Effect<void>
    readonly stats: Effect.Effect<Stats>
    /** Runs when templates have changed, while the scope is open. */
    readonly watch: (changed: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
  }
>()("manifold/templates/Templates") {
  /**
   * `settings` are asked for at the first rendering, `dir` is the operator's folder, `filters` are added to the built-in
   * ones or replace them. Fails if the folder cannot be read.
   */
  static readonly make = Effect.fnUntraced(function* (options: {
    readonly settings: Effect.Effect<Omit<Settings, "dir">>
    readonly dir?: string | undefined
    readonly filters?: Readonly<Record<string, Filter>>
  }) {
    const { dir, filters = {} } = options
    const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
    const clock = yield* Clock.Clock
    const listeners = new Set<Effect.Effect<void>>()
    const examples = new Set<() => ReadonlyArray<Example>>()
    const counts = { renders: 0, hits: 0, failures: 0, milliseconds: 0 }
    const told = new Set<string>()
    let cache = new BoundedCache<string>({ maxEntries: 0, maxSize: 0 })
    let ttl = 0
    let limit = Duration.zero
    let theirs: ReadonlyMap<string, Source> = new Map()
    let version = 0
    let templating: Templating | undefined

    const engine = yield* Effect.cached(
      Effect.gen(function* () {
        const { cache_entries, cache_ttl, max_chars, timeout } = yield* options.settings
        const loaded = yield* Effect.promise(() => import("./engine.ts"))
        ttl = Duration.toMillis(cache_ttl)
        // One text does not push most others out.
        cache = new BoundedCache({ maxEntries: cache_entries, maxSize: mostKept, maxEntrySize: mostKept / 4 })
        limit = timeout
        return loaded.make({ mostWritten: max_chars }, filters)
      })
    )

    /** Each failure is logged once until something changes. */
    const tell = (error: TemplateError) =>
      Effect.suspend(() => {
        if (told.has(error.message)) return Effect.void
        told.add(error.message)
        return Effect.logError(`${error.message} (what came with the program is used instead)`)
      })

    const tellAll = ({ all }: Templating) =>
      Effect.forEach(
        theirs.keys(),
        (name) =>
          Effect.flatMap(
            Effect.sync(() => all.problem(name)),
            (problem) => (problem === undefined ? Effect.void : tell(problem))
          ),
        { discard: true }
      )

    const current = Effect.suspend(() =>
      templating !== undefined
        ? Effect.succeed(templating)
        : Effect.flatMap(engine, (over) => {
            const made = (templating = over(theirs))
            return Effect.as(tellAll(made), made)
          })
    )

    const attempt = (set: TemplateSet, name: string, variables: Variables) =>
      Effect.suspend(() => {
        const started = clock.monotonicTimeNanosUnsafe()
        return Effect.tryPromise({
          try: (signal) => set.render(name, variables, signal),
          catch: (error) => error as TemplateError // the only thing that it rejects with
        }).pipe(
          Effect.timeoutOrElse({ duration: limit, orElse: () => Effect.fail(overdue(name, limit)) }),
          Effect.onExit((exit) =>
            Effect.sync(() => {
              counts.renders++
              if (exit._tag === "Failure") counts.failures++
              counts.milliseconds += Number(clock.monotonicTimeNanosUnsafe() - started) / 1e6
            })
          )
        )
      })

    const renderWith = ({ all, own }: Templating, name: string, variables: Variables) =>
      all === own || !own.sources.has(name)
        ? attempt(all, name, variables)
        : attempt(all, name, variables).pipe(
            Effect.catch((error) => Effect.andThen(tell(error), attempt(own, name, variables)))
          )

    const render = (name: string, variables: Variables) =>
      Effect.suspend(() => {
        const key = `${version} ${name} ${JSON.stringify(variables)}`
        const kept = cache.get(key, clock.currentTimeMillisUnsafe())
        if (kept !== undefined) {
          counts.hits++
          return Effect.succeed(kept.value)
        }
        return current.pipe(
          Effect.flatMap((sets) => renderWith(sets, name, variables)),
          Effect.tap((text) =>
            Effect.sync(() => {
              if (ttl === 0) return
              cache.put(key, text, key.length + text.length, clock.currentTimeMillisUnsafe() + ttl)
            })
          )
        )
      })

    const check = Effect.flatMap(current, ({ all }) =>
      checkTemplates(
        all,
        [...examples].flatMap((some) => some()),
        (name, variables) => attempt(all, name, variables)
      )
    )

    /** Takes over what the folder has now; where that cannot be read, everything stays as it is. */
    const reload = (folder: string) =>
      Folder.read(folder).pipe(
        Effect.flatMap((found) => {
          if (isSame(found, theirs)) return Effect.void
          theirs = found
          templating = undefined
          version++
          cache.drop()
          told.clear()
          return Effect.andThen(Effect.all(listeners, { discard: true }), current)
        }),
        Effect.catch((error) => Effect.logError(error.message)),
        Effect.asVoid,
        Effect.provideContext(context)
      )

    if (dir !== undefined) {
      theirs = yield* Folder.read(dir)
      yield* Folder.changes(dir, reload(dir)).pipe(
        Effect.catch((error) => Effect.logWarning(`${error.message}; changes take effect at the next start`)),
        Effect.forkScoped({ startImmediately: true })
      )
    }

    const among = <A>(set: Set<A>, member: A) =>
      Effect.acquireRelease(
        Effect.sync(() => void set.add(member)),
        () => Effect.sync(() => set.delete(member))
      )

    return Templates.of({
      render,
      check,
      example: (some) => among(examples, some),
      invalidate: Effect.sync(() => cache.drop()),
      stats: Effect.sync(() => ({ ...counts, entries: cache.entries, characters: cache.size, version })),
      watch: (changed) => among(listeners, changed)
    })
  })

  /** As configured in the section `templates`. */
  static readonly layer = Layer.effect(
    Templates,
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const said = yield* config.readOption(section)
      return yield* Templates.make({
        // What is wrong with it was found before anything started.
        settings: Option.match(said, {
          onNone: () => Effect.orDie(config.read(section)),
          onSome: Effect.succeed
        }),
        dir: Option.getOrUndefined(said)?.dir
      })
    })
  )
}
