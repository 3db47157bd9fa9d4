/** The configuration: one file or inline JSON, environment variables above it, read section by section, and again. */
import { Context, Effect, Equal, Exit, FileSystem, Layer, Option, Path, Semaphore, type Scope } from "effect"
import { Environment } from "../platform/Environment.ts"
import { ConfigInvalid, type Problem } from "./ConfigInvalid.ts"
import * as ConfigDocument from "./ConfigDocument.ts"
import { evaluateSection, unknownSections, type Evaluated } from "./evaluateSection.ts"
import { mergeSources } from "./mergeSources.ts"
import type { Section } from "./Section.ts"
import type { DecodeServices } from "./DecodeServices.ts"

/** Which sections say something else than before, by name. */
export interface Reloaded {
  /** All of them: also those that nobody has read yet, whose first reader will see the new settings. */
  readonly changed: ReadonlyArray<string>
  /** Those whose followers have the new settings. */
  readonly applied: ReadonlyArray<string>
  /** Those whose old settings stay in force, for every reader, until the program is started again. */
  readonly needRestart: ReadonlyArray<string>
}

/** What the configuration says, apart from its values. */
export interface Found {
  /** A file's path or `MCP_CONFIG_JSON`; undefined when there is neither. */
  readonly source: string | undefined
  /** The path that is read, also if there was no file yet; undefined when no file is asked for. */
  readonly file: string | undefined
  /** What that file was like just before it was read last, for `watchFiles`. */
  readonly stamp: string | undefined
  /** Whether the user named the source; else it is the usual file, if there is one. */
  readonly named: boolean
  /** Of the checked sections those that are mentioned: which keys they give, and which variables gave some of them. */
  readonly sections: ReadonlyArray<{
    readonly name: string
    readonly keys: ReadonlyArray<string>
    readonly variables: ReadonlyArray<string>
  }>
}

/** A section as it is in force. */
interface Held extends Evaluated {
  /** Whether somebody took the settings, whom a change would have to reach. */
  readonly used: boolean
  /** Whether an absent section has to make sense: it was read, not just checked. */
  readonly required: boolean
}

interface Follower {
  readonly section: Section<unknown>
  /** Applies what is in force, unless that was applied already. */
  readonly update: Effect.Effect<void, ConfigInvalid>
}

const problemsOf = Effect.match({
  onFailure: ({ problems }: ConfigInvalid) => problems,
  onSuccess: (): ReadonlyArray<Problem> => []
})

const make = (load: Effect.Effect<ConfigDocument.ConfigDocument, ConfigInvalid, DecodeServices>) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<DecodeServices>()
    const environment = yield* Environment
    const fresh = Effect.provideContext(load, context)
    const first = yield* Effect.cached(fresh)
    let current: ConfigDocument.ConfigDocument | undefined
    const opened = Effect.suspend(() => (current === undefined ? first : Effect.succeed(current)))
    const held = new Map<Section<unknown>, Held>()
    const followers = new Set<Follower>()
    let listed: ReadonlyArray<Section<unknown>> = []

    const evaluated = (
      document: ConfigDocument.ConfigDocument,
      section: Section<unknown>,
      required: boolean
    ) => Effect.provideContext(evaluateSection(document, environment, section, required), context)

    /** The section in force, decoded at most once until a reload changes it. */
    const hold = Effect.fnUntraced(function* (
      section: Section<unknown>,
      asked: Pick<Held, "required" | "used">
    ) {
      const known = held.get(section)
      const used = asked.used || known?.used === true
      const required = asked.required || known?.required === true
      const enough = known !== undefined && (Option.isSome(known.settings) || !required)
      const now = enough ? known : yield* evaluated(yield* opened, section, required)
      held.set(section, { ...now, used, required })
      return now
    })

    const read = <A>(section: Section<A>) =>
      Effect.map(
        hold(section, { used: true, required: true }),
        // What is held of a section was decoded by that section's schema.
        ({ settings }) => Option.getOrThrow(settings) as A
      )

    const readOption = <A>(section: Section<A>) =>
      Effect.map(hold(section, { used: true, required: false }), ({ present, settings }) =>
        // As above.
        present ? (settings as Option.Option<A>) : Option.none<A>()
      )

    const check = Effect.fnUntraced(function* (sections: ReadonlyArray<Section<unknown>>) {
      const document = yield* opened
      listed = sections
      const problems = yield* Effect.forEach(sections, (section) =>
        problemsOf(hold(section, { used: false, required: false }))
      )
      const all = [...unknownSections(document, sections), ...problems.flat()]
      if (all.length > 0) return yield* new ConfigInvalid({ problems: all })
    })

    const found = Effect.map(opened, (document): Found => {
      const sections = listed.flatMap((section) => {
        const { present, value, variables } = mergeSources(document, environment, section)
        return present ? [{ name: section.name, keys: Object.keys(Object(value)), variables }] : []
      })
      return {
        source: document.name,
        file: document.file,
        stamp: document.stamp,
        named: document.named,
        sections
      }
    })

    const follow = Effect.fnUntraced(function* <A>(
      section: Section<A>,
      apply: (value: A) => Effect.Effect<void>
    ) {
      const turn = Semaphore.makeUnsafe(1)
      let last = Option.none<A>()
      const update = turn.withPermit(
        Effect.flatMap(read(section), (settings) => {
          if (Equal.equals(last, Option.some(settings))) return Effect.void
          return Effect.tap(apply(settings), () =>
            Effect.sync(() => {
              last = Option.some(settings)
            })
          )
        })
      )
      const follower = { section, update }
      yield* Effect.acquireRelease(
        Effect.sync(() => followers.add(follower)),
        () => Effect.sync(() => followers.delete(follower))
      )
      yield* update
    })

    const isFollowed = (section: Section<unknown>) =>
      [...followers].some((follower) => follower.section === section)

    const reloadUnsafe = Effect.gen(function* () {
      const document = yield* fresh
      const sections = [...new Set([...listed, ...held.keys()])]
      const results = yield* Effect.forEach(sections, (section) =>
        Effect.map(
          Effect.result(evaluated(document, section, held.get(section)?.required === true)),
          (after) => ({ section, after })
        )
      )
      const problems = [
        ...(listed.length === 0 ? [] : unknownSections(document, listed)),
        ...results.flatMap(({ after }) => (after._tag === "Failure" ? after.failure.problems : []))
      ]
      if (problems.length > 0) return yield* new ConfigInvalid({ problems })

      // From here to the followers nothing waits: a reader sees the old configuration or the new one.
      current = document
      const changed: Array<string> = []
      const applied: Array<string> = []
      const needRestart: Array<string> = []
      for (const { after, section } of results) {
        const before = held.get(section)
        if (after._tag === "Failure" || before === undefined) continue
        const { present, settings } = after.success
        const isSame = Equal.equals(before.settings, settings)
        if (!isSame) changed.push(section.name)
        if (!isSame && isFollowed(section)) applied.push(section.name)
        else if (!isSame && before.used) {
          needRestart.push(section.name)
          continue
        }
        held.set(section, { ...before, present, settings: isSame ? before.settings : settings })
      }
      // A follower that cannot read its section could not before either; one that dies keeps nothing from the others.
      const exits = yield* Effect.forEach([...followers], ({ update }) => Effect.exit(Effect.ignore(update)))
      yield* Exit.asVoidAll(exits)
      return { changed, applied, needRestart } satisfies Reloaded
    })
    const reloads = Semaphore.makeUnsafe(1)

    return ConfigSource.of({
      read,
      readOption,
      check,
      found,
      follow,
      reload: reloads.withPermit(reloadUnsafe)
    })
  })

export class ConfigSource extends Context.Service<
  ConfigSource,
  {
    /**
     * A section's settings, secrets included, as they are in force. An absent section is read as an empty one, so
     * that its defaults hold.
     */
    readonly read: <A>(section: Section<A>) => Effect.Effect<A, ConfigInvalid>
    /** A section's settings, if the file or a variable mentions it. */
    readonly readOption: <A>(section: Section<A>) => Effect.Effect<Option.Option<A>, ConfigInvalid>
    /**
     * Fails with every problem of every section, and with every section that is not in the list. The list is kept:
     * a reload checks the same.
     */
    readonly check: (sections: ReadonlyArray<Section<unknown>>) => Effect.Effect<void, ConfigInvalid>
    /** What was read, and what it mentions of the sections that `check` was told of. */
    readonly found: Effect.Effect<Found, ConfigInvalid>
    /**
     * Applies a section's settings now, and again after each reload that changed them, one at a time, until the scope
     * closes. Who follows a section declares that all of it can change while the program runs.
     */
    readonly follow: <A>(
      section: Section<A>,
      apply: (value: A) => Effect.Effect<void>
    ) => Effect.Effect<void, ConfigInvalid, Scope.Scope>
    /**
     * Reads the text, the variables and the secrets again and checks all of it. With any problem nothing changes.
     * Else sections that are followed, or that nobody has read yet, take effect; the others keep their old settings.
     */
    readonly reload: Effect.Effect<Reloaded, ConfigInvalid>
  }
>()("manifold/config/ConfigSource") {
  /**
   * Reads the file of `--config` (`ConfigFile`), else `MCP_CONFIG_JSON`, else the file at `MCP_CONFIG_PATH`, else
   * `manifold.yaml` in the user's configuration folder. The text is read when a section first is, and at each reload.
   */
  static readonly layer = Layer.effect(ConfigSource, make(ConfigDocument.load))

  /** Reads this file, whatever the variables name. */
  static readonly layerFile = (path: string) =>
    Layer.effect(ConfigSource, make(ConfigDocument.loadFile(path)))

  /** Settings given as a value, by section; environment variables override them, and secrets may name files. */
  static readonly layerValue = (value: unknown) =>
    Layer.effect(ConfigSource, make(ConfigDocument.fromValue(value)))

  /** A configuration given as a value, with these variables and no files. */
  static readonly layerFrom = (
    value: unknown,
    variables: Readonly<Record<string, string | undefined>> = {}
  ): Layer.Layer<ConfigSource> =>
    ConfigSource.layerValue(value).pipe(
      Layer.provide([Environment.layerTest(variables), FileSystem.layerNoop({}), Path.layer])
    )
}
