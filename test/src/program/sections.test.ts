/** All sections together: documented configurations, environment variables, and defaults of absent sections. */
import { describe, expect } from "bun:test"
import { Duration, Effect, Option, Path, Redacted, Schema } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as defaults from "../../../layers/config/sectionDefaults.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import * as usage from "../../../layers/usage/section.ts"
import * as chatSection from "../../../layers/chat/section.ts"
import { sections } from "../../../src/program/sections.ts"
import * as models from "../../../layers/models/section.ts"
import * as http from "../../../layers/http/section.ts"
import * as mcp from "../../../src/mcp/section.ts"
import { filesOnly, given } from "../../layers/config/files.ts"
import { it } from "../../support/effect.ts"

const chat = await Bun.file(new URL("../../support/chat.yaml", import.meta.url)).text()

const checked = Effect.gen(function* () {
  const config = yield* ConfigSource
  yield* config.check(sections)
  return config
})

describe("the configuration of a chat backend", () => {
  const from = (env: Record<string, string>, text = chat) =>
    Effect.provide(
      checked,
      given({ files: { "/etc/chat.yaml": text }, env: { MCP_CONFIG_PATH: "/etc/chat.yaml", ...env } })
    )

  it.effect("is read with the variable of its key set", () =>
    Effect.gen(function* () {
      const config = yield* from({ GROQ_API_KEY: "gsk_1" })
      const llm = yield* config.read(models.section)
      expect(llm).toMatchObject({
        active: "groq",
        providers: {
          groq: { model: "llama-3.1-70b-versatile", temperature: 0.7, max_tokens: 4000, top_p: 0.9 }
        }
      })
      expect(Option.map(Option.fromNullishOr(llm.providers.groq?.api_key), Redacted.value)).toEqual(
        Option.some("gsk_1")
      )
      expect(yield* config.read(chatSection.section)).toMatchObject({
        service: {
          streaming: { enabled: true },
          context: { max_tokens: 4000, reserve_tokens: 500, preserve_recent: 5 },
          max_tool_hops: 8
        }
      })
      expect(yield* config.read(http.section)).toMatchObject({ host: "localhost", port: 8000 })
      expect((yield* config.read(mcp.section)).connection).toEqual({
        max_reconnect_attempts: 5,
        connection_timeout: Duration.seconds(30),
        initial_reconnect_delay: Duration.seconds(1),
        ping_after: Duration.seconds(30),
        idle_timeout: Duration.minutes(30),
        sign_in_timeout: Duration.minutes(10),
        allow_stdio_commands: false
      })
    })
  )

  it.effect("is rejected with the name of the key's variable if that is not set", () =>
    Effect.gen(function* () {
      expect((yield* Effect.flip(from({}))).problems).toEqual([
        {
          path: "llm.providers.groq.api_key",
          message: "the environment variable GROQ_API_KEY is not set",
          source: "/etc/chat.yaml:6:16"
        }
      ])
    })
  )

  it.effect("is rejected without a required key", () =>
    Effect.gen(function* () {
      for (const key of [
        "active",
        "model",
        "api_key",
        "reserve_tokens",
        "preserve_recent",
        "max_tool_hops"
      ]) {
        const without = chat.replace(new RegExp(`^ +${key}: .*\n`, "m"), "")
        const { problems } = yield* Effect.flip(from({ GROQ_API_KEY: "k" }, without))
        expect(problems.map(({ message, path }) => `${path.split(".").at(-1)}: ${message}`)).toEqual([
          `${key}: required, but missing`
        ])
      }
    })
  )
})

it.effect("the documented environment variables are read", () =>
  Effect.gen(function* () {
    const env = {
      MCP_MONITORING_ENABLED: "true",
      MCP_COST_HOURLY_MAX: "10.0",
      MCP_COST_DAILY_MAX: "100.0",
      MCP_COST_PER_REQUEST_MAX: "1.0",
      MCP_REFRESH_INTERVAL: "30.0",
      HOST: "::1",
      PORT: "8080"
    }
    const config = yield* Effect.provide(checked, given({ env }))
    expect(yield* config.read(usage.section)).toMatchObject({
      enabled: true,
      cost_hourly_max: 10,
      cost_daily_max: 100,
      cost_per_request_max: 1,
      refresh_interval: Duration.seconds(30)
    })
    expect(yield* config.read(http.section)).toMatchObject({ host: "::1", port: 8080 })
  })
)

describe("an absent section", () => {
  for (const section of sections) {
    it.effect(`${section.name} has the same settings as an empty one`, () =>
      Effect.gen(function* () {
        const found = yield* defaults.of(section.schema)
        const decoded = yield* Effect.option(Schema.decodeEffect(section.schema)({}))
        expect(found).toEqual(decoded)
      }).pipe(Effect.provide([Environment.layerTest({}), filesOnly({}), Path.layer]))
    )
  }
})

describe("the section usage", () => {
  const limits = {
    "of all principals": { cost_total_max: 1 },
    "of each principal": { principal: { cost_hourly_max: 1 } },
    "of one principal": { principals: { ada: { cost_daily_max: 0 } } }
  }
  for (const [name, settings] of Object.entries(limits)) {
    it.effect(`rejects enabled: false together with a limit ${name}`, () =>
      Effect.gen(function* () {
        const of = (enabled: boolean) =>
          Effect.provide(
            Effect.flatMap(ConfigSource, (config) => config.read(usage.section)),
            ConfigSource.layerFrom({ usage: { enabled, ...settings } })
          )
        const { message } = yield* Effect.flip(of(false))
        expect(message).toContain(
          "usage.enabled: must be true (MCP_MONITORING_ENABLED) while a cost limit is set"
        )
        yield* of(true)
      })
    )
  }
})
