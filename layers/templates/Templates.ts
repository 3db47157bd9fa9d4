/** Renders the built-in templates, and the operator's templates that override them. Rendered texts are cached. */
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
import { monotonicMillis } from "../platform/monotonic.ts"

/** Maximum size of the cache, in characters. */
const maxCachedChars = 4 * 1024 * 1024

/** Counters since the start: `milliseconds` spent rendering, `entries` and `characters` in the cache. */
export interface Stats {
  readonly renders: number
  readonly hits: number
  readonly failures: number
  readonly milliseconds: number
  readonly entries: number
  readonly characters: number
  /** Number of template changes. */
  readonly version: number
}

const isSame = (a: ReadonlyMap<string, Source>, b: ReadonlyMap<string, Source>) =>
  a.size === b.size && [...a].every(([name, { text }]) => b.get(name)?.text === text)

const timedOut = (template: string, limit: Duration.Duration) =>
  new TemplateError({
    reason: "time",
    template,
    detail: `rendering took longer than ${Duration.format(limit)} (templates.timeout)`
  })

export class Templates extends Context.Service<
  Templates,
  {
    /**
     * Renders a template, cached for `templates.cache_ttl` by template and variables. If an operator's template fails,
     * the failure is logged and the built-in template of that name is used, if there is one.
     */
    readonly render: (name: string, variables: Variables) => Effect.Effect<string, TemplateError>
    /** Adds examples for `check` while the scope is open. */
    readonly example: (examples: () => ReadonlyArray<Example>) => Effect.Effect<void, never, Scope.Scope>
    /** Compiles every template and renders the examples, without cache and without fallback. */
    readonly check: Effect.Effect<Report>
    /** Clears the cache. */
    readonly invalidate: Effect.Effect<void>
    readonly stats: Effect.Effect<Stats>
    /** Runs `changed` after templates changed, while the scope is open. */
    readonly watch: (changed: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
  }
>()("manifold/templates/Templates") {
  /**
   * `settings` are read at the first rendering. `dir` is the operator's folder. `filters` add to the built-in filters or
   * replace them. Fails with `FolderError` if the folder cannot be read.
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
    const logged = new Set<string>()
    let cache = new BoundedCache<string>({ maxEntries: 0, maxSize: 0 })
    let ttl = 0
    let limit = Duration.zero
    let custom: ReadonlyMap<string, Source> = new Map()
    let version = 0
    let templating: Templating | undefined

    const engine = yield* Effect.cached(
      Effect.gen(function* () {
        const { cache_entries, cache_ttl, max_chars, timeout } = yield* options.settings
        const loaded = yield* Effect.promise(() => import("./engine.ts"))
        ttl = Duration.toMillis(cache_ttl)
        // One large text must not evict most others.
        cache = new BoundedCache({
          maxEntries: cache_entries,
          maxSize: maxCachedChars,
          maxEntrySize: maxCachedChars / 4
        })
        limit = timeout
        return loaded.make({ maxChars: max_chars }, filters)
      })
    )

    /** Logs each failure once, until the templates change. */
    const logFailure = (error: TemplateError) =>
      Effect.suspend(() => {
        if (logged.has(error.message)) return Effect.void
        logged.add(error.message)
        return Effect.logError(`${error.message} (the built-in template is used instead)`)
      })

    const logProblems = ({ all }: Templating) =>
      Effect.forEach(
        custom.keys(),
        (name) =>
          Effect.flatMap(
            Effect.sync(() => all.problem(name)),
            (problem) => (problem === undefined ? Effect.void : logFailure(problem))
          ),
        { discard: true }
      )

    const current = Effect.suspend(() =>
      templating !== undefined
        ? Effect.succeed(templating)
        : Effect.flatMap(engine, (over) => {
            const made = (templating = over(custom))
            return Effect.as(logProblems(made), made)
          })
    )

    const attempt = (set: TemplateSet, name: string, variables: Variables) =>
      Effect.suspend(() => {
        const started = clock.monotonicTimeNanosUnsafe()
        return Effect.tryPromise({
          try: (signal) => set.render(name, variables, signal),
          catch: (error) => error as TemplateError // the only thing that it rejects with
        }).pipe(
          Effect.timeoutOrElse({ duration: limit, orElse: () => Effect.fail(timedOut(name, limit)) }),
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
            Effect.catch((error) => Effect.andThen(logFailure(error), attempt(own, name, variables)))
          )

    const render = (name: string, variables: Variables) =>
      Effect.suspend(() => {
        const key = `${version} ${name} ${JSON.stringify(variables)}`
        const cached = cache.get(key, monotonicMillis(clock))
        if (cached !== undefined) {
          counts.hits++
          return Effect.succeed(cached.value)
        }
        return current.pipe(
          Effect.flatMap((sets) => renderWith(sets, name, variables)),
          Effect.tap((text) =>
            Effect.sync(() => {
              if (ttl === 0) return
              cache.put(key, text, key.length + text.length, monotonicMillis(clock) + ttl)
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

    /** Loads the templates of the folder again; if it cannot be read, the current ones stay in use. */
    const reload = (folder: string) =>
      Folder.read(folder).pipe(
        Effect.flatMap((found) => {
          if (isSame(found, custom)) return Effect.void
          custom = found
          templating = undefined
          version++
          cache.drop()
          logged.clear()
          return Effect.andThen(Effect.all(listeners, { discard: true }), current)
        }),
        Effect.catch((error) => Effect.logError(error.message)),
        Effect.asVoid,
        Effect.provideContext(context)
      )

    if (dir !== undefined) {
      custom = yield* Folder.read(dir)
      yield* Folder.changes(dir, reload(dir)).pipe(
        Effect.catch((error) => Effect.logWarning(`${error.message}; changes take effect after a restart`)),
        Effect.forkScoped({ startImmediately: true })
      )
    }

    const register = <A>(set: Set<A>, member: A) =>
      Effect.acquireRelease(
        Effect.sync(() => void set.add(member)),
        () => Effect.sync(() => set.delete(member))
      )

    return Templates.of({
      render,
      check,
      example: (some) => register(examples, some),
      invalidate: Effect.sync(() => cache.drop()),
      stats: Effect.sync(() => ({ ...counts, entries: cache.entries, characters: cache.size, version })),
      watch: (changed) => register(listeners, changed)
    })
  })

  /** The service with the settings of section `templates`. */
  static readonly layer = Layer.effect(
    Templates,
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const configured = yield* config.readOption(section)
      return yield* Templates.make({
        // The section was validated at the start.
        settings: Option.match(configured, {
          onNone: () => Effect.orDie(config.read(section)),
          onSome: Effect.succeed
        }),
        dir: Option.getOrUndefined(configured)?.dir
      })
    })
  )
}
