/** The configuration: one file or inline JSON, environment variables above it, read section by section. */
import { Context, Effect, FileSystem, Layer, Option, Predicate, Schema } from "effect"
import { Environment } from "../platform/Environment.ts"
import { ConfigInvalid, showPath, type Path, type Problem } from "./ConfigInvalid.ts"
import * as Document from "./Document.ts"
import { explain, unknownKey } from "./explain.ts"
import type { Binding, Section, Sources } from "./Section.ts"

const flags: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  "1": true,
  false: false,
  no: false,
  off: false,
  "0": false
}

/** A variable's text as the value that it means; as it is when it means none, for the schema to refuse. */
const coerce = (text: string, kind: Binding["kind"]): unknown => {
  switch (kind) {
    case "string":
      return text
    case "word":
      return text.toLowerCase()
    case "number":
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : text
    case "boolean": {
      const word = text.trim().toLowerCase()
      return Object.hasOwn(flags, word) ? flags[word] : text
    }
    case "list":
      return text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "")
  }
}

/** A copy of `value` with `leaf` at `path`; untouched where something stands in the way, which is a problem itself. */
const put = (value: unknown, [key, ...rest]: ReadonlyArray<string>, leaf: unknown): unknown => {
  if (key === undefined) return leaf
  const parent = value ?? {}
  if (!Predicate.isObject(parent) || Array.isArray(parent)) return value
  const own: Record<string, unknown> = { ...parent }
  return { ...own, [key]: put(Object.hasOwn(own, key) ? own[key] : undefined, rest, leaf) }
}

const strict = { errors: "all", onExcessProperty: "error", reportInput: true } as const

const reader = (document: Document.Document, environment: Environment["Service"]) => {
  /** What the sources say about a section, if they say anything, and which variables said what. */
  const gather = (section: Section<unknown>) => {
    let present = Object.hasOwn(document.value, section.name)
    // An empty section (`server:`) is there, and says nothing.
    let value = (present ? document.value[section.name] : undefined) ?? {}
    const variables: Array<{ readonly name: string; readonly path: Path }> = []
    for (const [name, binding] of Object.entries(section.env)) {
      const text = environment.get(name) ?? ""
      if (text === "") continue
      present = true
      value = put(value, binding.path, coerce(text, binding.kind)) ?? {}
      variables.push({ name, path: [section.name, ...binding.path] })
    }
    const source = (path: Path, part: "key" | "value"): string =>
      variables.find((variable) => variable.path.every((key, index) => key === path[index]))?.name ??
      document.source(path, part)
    return { present, value, source }
  }

  const decode = <A>(
    section: Section<A>,
    { source, value }: ReturnType<typeof gather>
  ): Effect.Effect<A, ConfigInvalid, Sources> =>
    Schema.decodeEffect(section.schema)(value, strict).pipe(
      Effect.mapError(
        ({ issue }) =>
          new ConfigInvalid({
            problems: explain(issue, section.name).map(({ message, part, path }) => ({
              path: showPath(path),
              message,
              source: source(path, part)
            }))
          })
      )
    )

  const unknownSections = (sections: ReadonlyArray<Section<unknown>>): ReadonlyArray<Problem> => {
    const known = sections.map(({ name }) => name)
    return Object.keys(document.value)
      .filter((name) => !known.includes(name))
      .map((name) => ({
        path: showPath([name]),
        message: unknownKey(name, known),
        source: document.source([name], "key")
      }))
  }

  return { gather, decode, unknownSections }
}

const make = (load: Effect.Effect<Document.Document, ConfigInvalid, Sources>) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<Sources>()
    const environment = yield* Environment
    const opened = yield* Effect.cached(
      load.pipe(
        Effect.map((document) => reader(document, environment)),
        Effect.provideContext(context)
      )
    )

    const read = Effect.fnUntraced(function* <A>(section: Section<A>) {
      const from = yield* opened
      return yield* Effect.provideContext(from.decode(section, from.gather(section)), context)
    })

    const readOption = Effect.fnUntraced(function* <A>(section: Section<A>) {
      const from = yield* opened
      const said = from.gather(section)
      if (!said.present) return Option.none<A>()
      return Option.some(yield* Effect.provideContext(from.decode(section, said), context))
    })

    const check = Effect.fnUntraced(function* (sections: ReadonlyArray<Section<unknown>>) {
      const from = yield* opened
      const found = yield* Effect.forEach(sections, (section) =>
        readOption(section).pipe(
          Effect.match({ onFailure: ({ problems }) => problems, onSuccess: (): ReadonlyArray<Problem> => [] })
        )
      )
      const problems = [...from.unknownSections(sections), ...found.flat()]
      if (problems.length > 0) return yield* new ConfigInvalid({ problems })
    })

    return ConfigSource.of({ read, readOption, check })
  })

export class ConfigSource extends Context.Service<
  ConfigSource,
  {
    /** A section's settings. An absent section is read as an empty one, so that its defaults hold. */
    readonly read: <A>(section: Section<A>) => Effect.Effect<A, ConfigInvalid>
    /** A section's settings, if the file or a variable mentions it. */
    readonly readOption: <A>(section: Section<A>) => Effect.Effect<Option.Option<A>, ConfigInvalid>
    /** Fails with every problem of every section, and with every section that is not in the list. */
    readonly check: (sections: ReadonlyArray<Section<unknown>>) => Effect.Effect<void, ConfigInvalid>
  }
>()("manifold/config/ConfigSource") {
  /**
   * Reads `MCP_CONFIG_JSON`, else the file at `MCP_CONFIG_PATH`, else `manifold.yaml` in the working directory. The
   * text is read once, when a section first is; the variables and secrets each time.
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
