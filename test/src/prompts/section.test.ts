/** The configuration of prompts, as files and variables say it: what is read, and what is refused with its place. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { sections } from "../../../src/cli/sections.ts"
import { section } from "../../../src/prompts/section.ts"
import { given, type Given } from "../../layers/config/files.ts"
import { it } from "../../support/effect.ts"

const read = (from: Given) =>
  Effect.flatMap(ConfigSource, (config) => config.read(section)).pipe(Effect.provide(given(from)))

const problems = (text: string) =>
  Effect.flatMap(ConfigSource, (config) => config.check(sections)).pipe(
    Effect.flip,
    Effect.provide(given({ files: { "manifold.yaml": text } })),
    Effect.map((error) => error.problems.map(({ message, path, source }) => `${source} ${path}: ${message}`))
  )

describe("the section prompts", () => {
  it.effect("is read from a YAML file and from a variable, as its users write it", () =>
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

  it.effect("names what is wrong with its place, and what was meant", () =>
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
        'manifold.yaml:2:3 prompts.summarise: unknown key; did you mean "summarize"?',
        'manifold.yaml:5:7 prompts.summarize.defaults.tne: unknown key; did you mean "tone"?',
        "manifold.yaml:6:20 prompts.summarize.defaults.bullets_min: expected a whole number between 1 and 30, got 0",
        "manifold.yaml:10:9 prompts.summarize.clients.acme.client_id: unknown key; known are topic, tone, audience, bullets_min, bullets_max, style, language",
        'manifold.yaml:9:19 prompts.summarize.clients.acme.language: expected some text of at most 500 characters, got ""',
        "manifold.yaml:11:13 prompts.summarize.clients.beta: expected a map, got a string"
      ])
    })
  )

  it.effect("says where values do not go together once they are merged", () =>
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
        "manifold.yaml:6:28 prompts.summarize.clients.acme.bullets_min: 9 is more than bullets_max, which is 8; give both"
      ])
    })
  )
})
