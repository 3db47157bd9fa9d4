/** The configuration: one file or inline JSON, environment variables above it, read section by section, and again. */
import { Context, Effect, Equal, FileSystem, Layer, Option, Schema, Semaphore, type Scope } from "effect"
import { Environment } from "../platform/Environment.ts"
import { ConfigInvalid, showPath, type Problem } from "./ConfigInvalid.ts"
import * as Document from "./Document.ts"
import { explain, unknownKey } from "./explain.ts"
import { gather, type Gathered } from "./gather.ts"
import type { Section, Sources } from "./Section.ts"

/** Which sections say something else than before, by name. */
export interface Reloaded {
  readonly changed: ReadonlyArray<string>
  /** Those of `changed` whose new settings are in force. */
  readonly applied: ReadonlyArray<string>
  /** Those whose old settings stay in force, for every reader, until the program is started again. */
  readonly needRestart: ReadonlyArray<string>
}

/** A section as it is in force. */
interface Held {
  readonly present: boolean
  /** None: absent, and nobody asked what that means. */
  readonly settings: Option.Option<unknown>
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

const strict = { errors: "all", onExcessProperty: "error", reportInput: true } as const

const decode = <A>(section: Section<A>, said: Gathered): Effect.Effect<A, ConfigInvalid, Sources> => {
  const invalid = (found: ReadonlyArray<Problem>) =>
    new ConfigInvalid({ problems: [...said.problems, ...found] })
  const decoded = Schema.decodeEffect(section.schema)(said.value, strict).pipe(
    Effect.mapError(({ issue }) =>
      invalid(
        explain(issue, section.name).map(({ message, part, path }) => ({
          ...said.origin(path, part),
          message
        }))
      )
    )
  )
  return said.problems.length === 0 ? decoded : Effect.andThen(decoded, Effect.fail(invalid([])))
}

const unknownSections = (
  document: Document.Document,
  sections: ReadonlyArray<Section<unknown>>
): ReadonlyArray<Problem> => {
  const known = sections.flatMap(({ aliases, name }) => [name, ...aliases])
  return Object.keys(document.value)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path: showPath([name]),
      message: unknownKey(name, known),
      source: document.source([name], "key")
    }))
}

const problemsOf = Effect.match({
  onFailure: ({ problems }: ConfigInvalid) => problems,
  onSuccess: (): ReadonlyArray<Problem> => []
})

const make = (load: Effect.Effect<Document.Document, ConfigInvalid, Sources>) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<Sources>()
    const environment = yield* Environment
    const fresh = Effect.provideContext(load, context)
    const first = yield* Effect.cached(fresh)
    let current: Document.Document | undefined
    const opened = Effect.suspend(() => (current === undefined ? first : Effect.succeed(current)))
    const held = new Map<Section<unknown>, Held>()
    const followers = new Set<Follower>()
    let listed: ReadonlyArray<Section<unknown>> = []

    /** What a document says about a section; decoded if it is present or has to make sense. */
    const evaluate = Effect.fnUntraced(function* (
      document: Document.Document,
      section: Section<unknown>,
      { required, used }: Pick<Held, "required" | "used">
    ) {
      const said = gather(document, environment, section)
      const settings =
        said.present || required
          ? Option.some(yield* Effect.provideContext(decode(section, said), context))
          : Option.none()
      return { present: said.present, settings, used, required } satisfies Held
    })

    /** The section in force, decoded at most once until a reload changes it. */
    const hold = Effect.fnUntraced(function* (
      section: Section<unknown>,
      asked: Pick<Held, "required" | "used">
    ) {
      const known = held.get(section)
      const used = asked.used || known?.used === true
      const required = asked.required || known?.required === true
      const enough = known !== undefined && (Option.isSome(known.settings) || !required)
      const now = enough
        ? { ...known, used, required }
        : yield* evaluate(yield* opened, section, { used, required })
      held.set(section, now)
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
        present ? (settings as Option.Option<A>) : Option.none<A>()
      )

    const check = Effect.fnUntraced(function* (sections: ReadonlyArray<Section<unknown>>) {
      const document = yield* opened
      listed = sections
      const found = yield* Effect.forEach(sections, (section) =>
        problemsOf(hold(section, { used: false, required: false }))
      )
      const problems = [...unknownSections(document, sections), ...found.flat()]
      if (problems.length > 0) return yield* new ConfigInvalid({ problems })
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
          last = Option.some(settings)
          return apply(settings)
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
      const found = yield* Effect.forEach(sections, (section) => {
        const before = held.get(section)
        const asked = { used: before?.used === true, required: before?.required === true }
        return Effect.map(Effect.result(evaluate(document, section, asked)), (after) => ({ section, after }))
      })
      const problems = [
        ...(listed.length === 0 ? [] : unknownSections(document, listed)),
        ...found.flatMap(({ after }) => (after._tag === "Failure" ? after.failure.problems : []))
      ]
      if (problems.length > 0) return yield* new ConfigInvalid({ problems })

      // From here to the followers nothing waits: a reader sees the old configuration or the new one.
      current = document
      const applied: Array<string> = []
      const needRestart: Array<string> = []
      for (const { after, section } of found) {
        const before = held.get(section)
        if (after._tag === "Failure" || before === undefined) continue
        const { present, settings } = after.success
        if (Equal.equals(before.settings, settings)) held.set(section, { ...before, present })
        else if (before.used && !isFollowed(section)) needRestart.push(section.name)
        else {
          applied.push(section.name)
          held.set(section, { ...before, present, settings })
        }
      }
      // A follower that cannot read its section could not before either.
      yield* Effect.forEach([...followers], ({ update }) => Effect.ignore(update), { discard: true })
      return { changed: [...applied, ...needRestart], applied, needRestart } satisfies Reloaded
    })
    const reloads = Semaphore.makeUnsafe(1)

    return ConfigSource.of({
      read,
      readOption,
      check,
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
   * Reads `MCP_CONFIG_JSON`, else the file at `MCP_CONFIG_PATH`, else `manifold.yaml` in the working directory. The
   * text is read when a section first is, and at each reload.
   */
  static readonly layer = Layer.effect(ConfigSource, make(Document.load))

  /** A configuration given as a value, with these variables and no files. */
  static readonly layerFrom = (
    value: unknown,
    variables: Readonly<Record<string, string | undefined>> = {}
  ): Layer.Layer<ConfigSource> =>
    Layer.effect(ConfigSource, make(Document.fromValue(value))).pipe(
      Layer.provide([Environment.layerTest(variables), FileSystem.layerNoop({})])
    )
}
