/** Config section `prompts`: reading, reloading, and problems with line and column. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { sections } from "../../../src/program/sections.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import type { Change } from "../../../src/catalog/Change.ts"
import { section } from "../../../src/prompts/section.ts"
import { given, type Given } from "../../layers/config/files.ts"
import { it } from "../../support/effect.ts"
import { get, over } from "./promptCatalog.ts"

const read = (from: Given) =>
  Effect.flatMap(ConfigSource, (config) => config.read(section)).pipe(Effect.provide(given(from)))

const problems = (text: string) =>
  Effect.flatMap(ConfigSource, (config) => config.check(sections)).pipe(
    Effect.flip,
    Effect.provide(given({ files: { "manifold.yaml": text } })),
    Effect.map((error) => error.problems.map(({ message, path, source }) => `${source} ${path}: ${message}`))
  )

describe("a reload of the section prompts", () => {
  const settings = (tone: string) => `prompts: { summarize: { defaults: { ${tone} } } }`

  it.live("applies new variables and notifies, and changes nothing if they are invalid", () =>
    Effect.gen(function* () {
      const files: Record<string, string> = { "manifold.yaml": settings("tone: dry") }
      const changes: Array<Change> = []
      yield* Effect.gen(function* () {
        const config = yield* ConfigSource
        yield* (yield* Catalog).watch((change) => void changes.push(change))
        const tone = Effect.map(
          get("summarize", { topic: "x" }),
          (text) => /<tone>(.*)<.tone>/.exec(text)?.[1]
        )
        expect(yield* tone).toBe("dry")
        files["manifold.yaml"] = settings("tone: warm")
        yield* config.reload
        expect(yield* tone).toBe("warm")
        expect(changes.map(({ kind }) => kind)).toEqual(["prompts"])
        files["manifold.yaml"] = settings("tone: cold, bullets_min: 7")
        const { problems: found } = yield* Effect.flip(config.reload)
        expect(found.map(({ path }) => path)).toEqual(["prompts.summarize.defaults.bullets_min"])
        expect(yield* tone).toBe("warm")
        expect(changes).toHaveLength(1)
      }).pipe(Effect.provide(over(given({ files }))))
    })
  )
})

describe("the section prompts", () => {
  it.effect("is read from a YAML file and from MCP_CONFIG_JSON", () =>
    Effect.gen(function* () {
      const yaml = `
prompts:
  summarize:
    defaults:
      tone: concise
    clients:
      acme:
        tone: detailed
        style: professional
`
      const fromFile = yield* read({
        files: { "config.yaml": yaml },
        env: { MCP_CONFIG_PATH: "config.yaml" }
      })
      expect(fromFile).toEqual({
        summarize: {
          defaults: { tone: "concise" },
          clients: { acme: { tone: "detailed", style: "professional" } }
        }
      })
      const json =
        '{"prompts":{"summarize":{"defaults":{"tone":"concise"},"clients":{"acme":{"tone":"detailed"}}}}}'
      expect(yield* read({ env: { MCP_CONFIG_JSON: json } })).toEqual({
        summarize: { defaults: { tone: "concise" }, clients: { acme: { tone: "detailed" } } }
      })
      expect(yield* read({})).toEqual({})
    })
  )

  it.effect("accepts the example of docs/templates.md", () =>
    Effect.gen(function* () {
      const page = yield* Effect.promise(() =>
        Bun.file(new URL("../../../docs/templates.md", import.meta.url)).text()
      )
      const [, yaml = ""] = /```yaml\n([^]*?)```/.exec(page) ?? []
      expect(yaml).toContain("templates:")
      yield* Effect.flatMap(ConfigSource, (config) => config.check(sections)).pipe(
        Effect.provide(given({ files: { "manifold.yaml": yaml } }))
      )
    })
  )

  it.effect("reports every problem with line, column and suggestion", () =>
    Effect.gen(function* () {
      expect(
        yield* problems(`prompts:
  summarise: {}
  summarize:
    defaults:
      tne: dry
      bullets_min: 0
    clients:
      acme:
        language: ""
        client_id: acme
      beta: dry
`)
      ).toEqual([
        '/u/manifold/manifold.yaml:2:3 prompts.summarise: unknown key; did you mean "summarize"?',
        '/u/manifold/manifold.yaml:5:7 prompts.summarize.defaults.tne: unknown key; did you mean "tone"?',
        "/u/manifold/manifold.yaml:6:20 prompts.summarize.defaults.bullets_min: expected a whole number between 1 and 30, got 0",
        "/u/manifold/manifold.yaml:10:9 prompts.summarize.clients.acme.client_id: unknown key; known keys: topic, tone, audience, bullets_min, bullets_max, style, language",
        '/u/manifold/manifold.yaml:9:19 prompts.summarize.clients.acme.language: expected some text of at most 500 characters, got ""',
        "/u/manifold/manifold.yaml:11:13 prompts.summarize.clients.beta: expected a map, got a string"
      ])
    })
  )

  it.effect("reports values that contradict each other after merging", () =>
    Effect.gen(function* () {
      expect(
        yield* problems(`prompts:
  summarize:
    defaults: { bullets_max: 8 }
    clients:
      fits: { bullets_min: 8 }
      acme: { bullets_min: 9 }
`)
      ).toEqual([
        "/u/manifold/manifold.yaml:6:28 prompts.summarize.clients.acme.bullets_min: must be at most bullets_max (8), got 9; set both"
      ])
    })
  )
})
