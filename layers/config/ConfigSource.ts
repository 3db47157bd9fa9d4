/** Configuration service: a file or inline JSON, overridden by environment variables, read by section, with hot reload. */
import {
  Context,
  Effect,
  Exit,
  FileSystem,
  Layer,
  Option,
  Path,
  type Result,
  Semaphore,
  type Scope
} from "effect"
import { Environment } from "../platform/Environment.ts"
import { ConfigInvalid, type Problem } from "./ConfigInvalid.ts"
import * as ConfigDocument from "./ConfigDocument.ts"
import { evaluateSection, unknownSections, type Evaluated } from "./evaluateSection.ts"
import { mergeSources } from "./mergeSources.ts"
import { withServersFile } from "./serversFile.ts"
import { isSame, type Section } from "./Section.ts"
import type { DecodeServices } from "./DecodeServices.ts"

/** Names of sections that a reload changed. */
export interface Reloaded {
  /** All changed sections, including ones that were not read yet. */
  readonly changed: ReadonlyArray<string>
  /** Sections whose followers have the new settings. */
  readonly applied: ReadonlyArray<string>
  /** Sections that keep their old settings until a restart. */
  readonly needRestart: ReadonlyArray<string>
}

/** Where the configuration comes from, and which keys it sets. */
export interface Found {
  /** The path of the file, or `MCP_CONFIG_JSON`; `undefined` without either. */
  readonly source: string | undefined
  /** The path of the file, which may not exist; `undefined` if no file is used. */
  readonly file: string | undefined
  /** Fingerprint of the file just before the last read, for `watchFiles`. */
  readonly stamp: string | undefined
  /** Whether the user named the source; otherwise it is the default file. */
  readonly named: boolean
  /** Checked sections that are present: their keys, and the variables that set some of them. */
  readonly sections: ReadonlyArray<{
    readonly name: string
    readonly keys: ReadonlyArray<string>
    readonly variables: ReadonlyArray<string>
  }>
}

/** A section in force. */
interface Held extends Evaluated {
  /** Whether the settings were read, so that a change requires a follower or a restart. */
  readonly used: boolean
  /** Whether an absent section must decode: it was read, not only checked. */
  readonly required: boolean
}

interface Follower {
  readonly section: Section<unknown>
  /** Applies the settings in force, unless already applied. */
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
        // Decoded by this section's schema.
        ({ settings }) => Option.getOrThrow(settings) as A
      )

    const readOption = <A>(section: Section<A>) =>
      Effect.map(hold(section, { used: true, required: false }), ({ present, settings }) =>
        // Decoded by this section's schema.
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

    /** `settled`: the settings in force. */
    const followed = Effect.fnUntraced(function* <A>(
      section: Section<unknown>,
      settled: Effect.Effect<A, ConfigInvalid>,
      apply: (value: A) => Effect.Effect<void>
    ) {
      const turn = Semaphore.makeUnsafe(1)
      let last = Option.none<A>()
      const update = turn.withPermit(
        Effect.flatMap(settled, (settings) => {
          if (Option.isSome(last) && isSame(section, last.value, settings)) return Effect.void
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

      // Synchronous from here to the followers: a reader sees the old configuration or the new one.
      current = document
      const changed: Array<string> = []
      const applied: Array<string> = []
      const needRestart: Array<string> = []
      for (const { after, section } of results) {
        const before = held.get(section)
        if (after._tag === "Failure" || before === undefined) continue
        const { present, settings } = after.success
        const isChanged = !isSame(section, before.settings, settings)
        if (isChanged) changed.push(section.name)
        if (isChanged && isFollowed(section)) applied.push(section.name)
        else if (isChanged && before.used) {
          needRestart.push(section.name)
          continue
        }
        held.set(section, { ...before, present, settings: isChanged ? settings : before.settings })
      }
      // A defect of one follower does not affect the others.
      const exits = yield* Effect.forEach([...followers], ({ update }) => Effect.exit(Effect.ignore(update)))
      yield* Exit.asVoidAll(exits)
      return { changed, applied, needRestart } satisfies Reloaded
    })
    const reloads = Semaphore.makeUnsafe(1)
    const listeners = new Set<(result: Result.Result<Reloaded, ConfigInvalid>) => void>()

    return ConfigSource.of({
      read,
      readOption,
      check,
      found,
      follow: (section, apply) => followed(section, read(section), apply),
      followOption: (section, apply) => followed(section, readOption(section), apply),
      reload: Effect.tap(Effect.result(reloads.withPermit(reloadUnsafe)), (result) =>
        Effect.sync(() => {
          for (const listener of listeners) listener(result)
        })
      ).pipe(Effect.flatMap(Effect.fromResult)),
      onReload: (listener) =>
        Effect.acquireRelease(
          Effect.sync(() => listeners.add(listener)),
          () => Effect.sync(() => listeners.delete(listener))
        ).pipe(Effect.asVoid)
    })
  })

export class ConfigSource extends Context.Service<
  ConfigSource,
  {
    /**
     * The settings of a section in force, secrets included. An absent section is read as an empty one, with its
     * defaults.
     */
    readonly read: <A>(section: Section<A>) => Effect.Effect<A, ConfigInvalid>
    /** The settings of a section, if the file or a variable sets any of it. */
    readonly readOption: <A>(section: Section<A>) => Effect.Effect<Option.Option<A>, ConfigInvalid>
    /**
     * Fails with all problems of all sections, and with unknown sections. A reload checks the same list.
     */
    readonly check: (sections: ReadonlyArray<Section<unknown>>) => Effect.Effect<void, ConfigInvalid>
    /** The source, and which of the checked sections it sets. */
    readonly found: Effect.Effect<Found, ConfigInvalid>
    /**
     * Applies the settings of a section now, and after each reload that changed them, one at a time, until the scope
     * closes. Following a section declares that all of it supports hot reload.
     */
    readonly follow: <A>(
      section: Section<A>,
      apply: (value: A) => Effect.Effect<void>
    ) => Effect.Effect<void, ConfigInvalid, Scope.Scope>
    /** The same for a section that may be absent. */
    readonly followOption: <A>(
      section: Section<A>,
      apply: (value: Option.Option<A>) => Effect.Effect<void>
    ) => Effect.Effect<void, ConfigInvalid, Scope.Scope>
    /**
     * Hot reload: reads the text, the variables and the secrets again and checks everything. With any problem nothing
     * changes. Otherwise followed and unread sections take effect; others keep their settings until a restart.
     */
    readonly reload: Effect.Effect<Reloaded, ConfigInvalid>
    /** Calls the listener after each reload while the scope is open; it must not throw. */
    readonly onReload: (
      listener: (result: Result.Result<Reloaded, ConfigInvalid>) => void
    ) => Effect.Effect<void, never, Scope.Scope>
  }
>()("manifold/config/ConfigSource") {
  /**
   * Reads the file of `--config` (`ConfigFile`), else `MCP_CONFIG_JSON`, else the file at `MCP_CONFIG_PATH`, else
   * `manifold.yaml` in the user's configuration folder; and the servers of the file at `MCP_SERVERS_CONFIG_PATH`. The text is read with the first section, and at each reload.
   */
  static readonly layer = Layer.effect(
    ConfigSource,
    make(Effect.flatMap(ConfigDocument.load, withServersFile))
  )

  /** Reads this file, regardless of the variables. */
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
