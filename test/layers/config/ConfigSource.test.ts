/** The configuration: its sources, their precedence, and all problems reported at once. */
import { describe, expect } from "bun:test"
import { Duration, Effect, Option, Redacted, Schema } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { DurationSetting } from "../../../layers/config/DurationSetting.ts"
import { Secret } from "../../../layers/config/Secret.ts"
import * as Section from "../../../layers/config/Section.ts"
import { it } from "../../support/effect.ts"
import { given, type Given } from "./files.ts"

const port = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65535 }))

const server = Section.make(
  "server",
  Schema.Struct({
    host: Section.optional(Schema.NonEmptyString, "127.0.0.1", "Address"),
    port: Section.optional(port, 8000, "Port"),
    secure: Section.optional(Schema.Boolean, false, "Whether"),
    cors_origins: Section.optional(Schema.Array(Schema.NonEmptyString), [], "Origins"),
    timeout: Section.optional(DurationSetting, "30 seconds", "How long")
  }),
  {
    env: {
      HOST: { path: ["host"], kind: "string" },
      PORT: { path: ["port"], kind: "number" },
      SECURE: { path: ["secure"], kind: "boolean" },
      ORIGINS: { path: ["cors_origins"], kind: "list" },
      TIMEOUT: { path: ["timeout"], kind: "string" }
    }
  }
)

const llm = Section.make(
  "llm",
  Schema.Struct({
    active: Schema.Literals(["groq", "openai"]),
    api_key: Secret,
    model: Schema.String,
    headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
    budget: Schema.optionalKey(Schema.Struct({ hourly: Schema.Finite.check(Schema.isGreaterThan(0)) }))
  }),
  {
    env: {
      LLM: { path: ["active"], kind: "word" },
      HOURLY: { path: ["budget", "hourly"], kind: "number" }
    }
  }
)

const sections = [server, llm]

const read = <A>(section: Section.Section<A>, from: Given) =>
  ConfigSource.use((config) => config.read(section)).pipe(Effect.provide(given(from)))

const problems = (from: Given, among: ReadonlyArray<Section.Section<unknown>> = sections) =>
  ConfigSource.use((config) => config.check(among)).pipe(
    Effect.provide(given(from)),
    Effect.flip,
    Effect.map((error) => error.problems)
  )

describe("the configuration", () => {
  it.effect("without any source has the documented defaults, and sections may be absent", () =>
    Effect.gen(function* () {
      const config = yield* ConfigSource
      yield* config.check(sections)
      expect(yield* config.read(server)).toEqual({
        host: "127.0.0.1",
        port: 8000,
        secure: false,
        cors_origins: [],
        timeout: Duration.seconds(30)
      })
      expect(Option.isNone(yield* config.readOption(llm))).toBe(true)
    }).pipe(Effect.provide(given({})))
  )

  it.effect("is read from manifold.yaml in the user's configuration folder", () =>
    Effect.gen(function* () {
      const settings = yield* read(server, {
        files: { "manifold.yaml": "server:\n  port: 9000\n  timeout: 500 millis\n" }
      })
      expect(settings.port).toBe(9000)
      expect(Duration.toMillis(settings.timeout)).toBe(500)
    })
  )

  it.effect(
    "is read from MCP_CONFIG_PATH instead, as YAML or JSON, or from MCP_CONFIG_JSON instead of any file",
    () =>
      Effect.gen(function* () {
        const files = {
          "manifold.yaml": "server: { port: 1 }",
          "/etc/other.yml": "\uFEFFserver: { port: 2 }",
          "/etc/other.json": '{ "server": { "port": 3 } }'
        }
        const portWith = (env: Record<string, string>) =>
          Effect.map(read(server, { files, env }), (settings) => settings.port)
        expect(yield* portWith({})).toBe(1)
        expect(yield* portWith({ MCP_CONFIG_PATH: "/etc/other.yml" })).toBe(2)
        expect(yield* portWith({ MCP_CONFIG_PATH: "/etc/other.json" })).toBe(3)
        const MCP_CONFIG_JSON = '{"server":{"port":4}}'
        expect(yield* portWith({ MCP_CONFIG_PATH: "/etc/other.json", MCP_CONFIG_JSON })).toBe(4)
        expect(yield* portWith({ MCP_CONFIG_JSON, PORT: "5" })).toBe(5)
      })
  )

  it.effect(
    "has variables above the file, in the type of the setting, and an empty variable is ignored",
    () =>
      Effect.gen(function* () {
        const files = { "manifold.yaml": "server:\n  host: a\n  port: 1\n" }
        const env = {
          HOST: "b",
          PORT: "",
          SECURE: "Yes",
          ORIGINS: "https://a.example, https://b.example,",
          TIMEOUT: "2"
        }
        expect(yield* read(server, { files, env })).toEqual({
          host: "b",
          port: 1,
          secure: true,
          cors_origins: ["https://a.example", "https://b.example"],
          timeout: Duration.seconds(2)
        })
      })
  )

  it.effect("has a section that only a variable sets, which must be complete", () =>
    Effect.gen(function* () {
      const found = yield* problems({ env: { LLM: "GROQ", HOURLY: "2.5" } })
      expect(found).toEqual([
        { path: "llm.api_key", message: "required, but missing", source: "/u/manifold/manifold.yaml" },
        { path: "llm.model", message: "required, but missing", source: "/u/manifold/manifold.yaml" }
      ])
    })
  )

  it.effect("may be an empty file, only comments, or have an empty section", () =>
    Effect.gen(function* () {
      for (const text of ["", "# nothing\n", "server:\n", "{}"]) {
        expect((yield* read(server, { files: { "manifold.yaml": text } })).port).toBe(8000)
      }
    })
  )

  it.effect("reads secrets from a variable, a file or the literal text", () =>
    Effect.gen(function* () {
      const key = (written: string) =>
        read(llm, {
          files: {
            "/run/key": "from-file\n",
            "c.json": JSON.stringify({ llm: { active: "groq", model: "m", api_key: written } })
          },
          env: { MCP_CONFIG_PATH: "c.json", KEY: "from-variable" }
        }).pipe(Effect.map((settings) => Redacted.value(settings.api_key)))
      expect(yield* key("env:KEY")).toBe("from-variable")
      expect(yield* key("file:/run/key")).toBe("from-file")
      expect(yield* key("literal")).toBe("literal")
    })
  )
})

describe("problems of the configuration", () => {
  it.effect("are reported at once: twenty-two in four sections and five variables", () =>
    Effect.gen(function* () {
      const yaml = `server:
  host: ""
  prot: 80
  secure: yes please
  cors_origins: https://a.example
  timeout: 30 parsecs
llm:
  active: grok
  api_key: env:NOT_SET
  headers: [a]
  budget: { hourly: 0, dayly: 3 }
  temperature: 1
limits:
  cost: -1
  window: { size: 1.5, unit: eon }
  list: [1, two, 3, null]
  nested: [{ a: 1 }, { b: 2 }]
sever: {}
`
      const limits = Section.make(
        "limits",
        Schema.Struct({
          cost: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
          window: Schema.Struct({ size: Schema.Int, unit: Schema.Literals(["minute", "hour"]) }),
          list: Schema.Array(Schema.Int),
          nested: Schema.Array(Schema.Struct({ a: Schema.Int })),
          rate: Schema.Int
        }),
        { env: { RATE: { path: ["rate"], kind: "number" } } }
      )
      const found = yield* problems(
        { files: { "manifold.yaml": yaml }, env: { PORT: "abc", RATE: "99.5" } },
        [...sections, limits]
      )
      const lines = found.map(({ message, path, source }) => `${path}: ${message} (${source})`)
      expect(lines.toSorted()).toEqual(
        [
          'sever: unknown key; did you mean "server"? (/u/manifold/manifold.yaml:18:1)',
          'server.host: expected a string with a length of at least 1, got "" (/u/manifold/manifold.yaml:2:9)',
          'server.prot: unknown key; did you mean "port"? (/u/manifold/manifold.yaml:3:3)',
          'server.port: expected an integer between 0 and 65535, got "abc" (PORT)',
          'server.secure: expected true or false, got "yes please" (/u/manifold/manifold.yaml:4:11)',
          "server.cors_origins: expected a list, got a string (/u/manifold/manifold.yaml:5:17)",
          'server.timeout: expected a duration such as "30 seconds", "500 millis" or a number of seconds, got "30 parsecs" (/u/manifold/manifold.yaml:6:12)',
          'llm.active: expected "groq" or "openai", got "grok" (/u/manifold/manifold.yaml:8:11)',
          "llm.api_key: the environment variable NOT_SET is not set (/u/manifold/manifold.yaml:9:12)",
          "llm.model: required, but missing (/u/manifold/manifold.yaml:8:3)",
          "llm.headers: expected a map, got a list (/u/manifold/manifold.yaml:10:12)",
          "llm.budget.hourly: expected a finite number greater than 0, got 0 (/u/manifold/manifold.yaml:11:21)",
          "llm.budget.dayly: unknown key; known keys: hourly (/u/manifold/manifold.yaml:11:24)",
          "llm.temperature: unknown key; known keys: active, api_key, model, headers, budget (/u/manifold/manifold.yaml:12:3)",
          "limits.cost: expected a finite number greater than or equal to 0, got -1 (/u/manifold/manifold.yaml:14:9)",
          "limits.window.size: expected an integer, got 1.5 (/u/manifold/manifold.yaml:15:19)",
          'limits.window.unit: expected "minute" or "hour", got "eon" (/u/manifold/manifold.yaml:15:30)',
          'limits.list[1]: expected an integer, got "two" (/u/manifold/manifold.yaml:16:13)',
          "limits.list[3]: expected an integer, got null (/u/manifold/manifold.yaml:16:21)",
          'limits.nested[1].b: unknown key; did you mean "a"? (/u/manifold/manifold.yaml:17:24)',
          "limits.nested[1].a: required, but missing (/u/manifold/manifold.yaml:17:22)",
          "limits.rate: expected an integer, got 99.5 (RATE)"
        ].toSorted()
      )
    })
  )

  it.effect("are one line each in the message of the error", () =>
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const error = yield* Effect.flip(config.check(sections))
      expect(error.message).toBe(
        'The configuration has 2 problems:\n  servr: unknown key; did you mean "server"? (MCP_CONFIG_JSON)\n' +
          "  server.port: expected an integer between 0 and 65535, got 70000 (MCP_CONFIG_JSON)"
      )
    }).pipe(Effect.provide(given({ env: { MCP_CONFIG_JSON: '{"server":{"port":70000},"servr":{}}' } })))
  )

  it.effect("in the syntax of a text have line and column", () =>
    Effect.gen(function* () {
      const yaml = (text: string) => ({ files: { "manifold.yaml": text } })
      const json = (text: string) => ({ files: { "a.json": text }, env: { MCP_CONFIG_PATH: "a.json" } })
      const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]`
      const cases: ReadonlyArray<readonly [Given, string]> = [
        [yaml("server:\n  port: 1\n  port: 2\n"), "duplicate key (/u/manifold/manifold.yaml:3:3)"],
        [
          yaml("server:\n\tport: 1\n"),
          "tabs are not allowed for indentation; use spaces (/u/manifold/manifold.yaml:2:1)"
        ],
        [
          yaml("server: {\n  port: 1\n"),
          "wrong indentation, or an unclosed bracket (/u/manifold/manifold.yaml:3:1)"
        ],
        [
          yaml("a: 1\n---\nb: 1\n"),
          "only one document is allowed (remove the `---`) (/u/manifold/manifold.yaml:2:1)"
        ],
        [yaml("a: !!js/function x"), "tags (`!name`) are not supported (/u/manifold/manifold.yaml:1:4)"],
        [yaml(bomb), "an alias is used too often, or before its anchor (/u/manifold/manifold.yaml:1:1)"],
        [
          yaml("server: &a { port: *a }"),
          "nested too deeply, or contains itself (/u/manifold/manifold.yaml:1:12)"
        ],
        [yaml("- server"), "expected a map of sections (/u/manifold/manifold.yaml:1:1)"],
        [json('{\n  "server": { "port": 1, }\n}'), "not JSON: expected a key in double quotes (a.json:2:26)"],
        [json('{ "server": 01 }'), 'not JSON: expected "}" or a comma (a.json:1:14)'],
        [json('{ "a": 1,\n"a": 2 }'), "duplicate key (a.json:2:1)"],
        [json("{} x"), "not JSON: expected nothing after the value (a.json:1:4)"],
        [json(""), "not JSON: expected a JSON value (a.json:1:1)"],
        [json("[".repeat(1e5)), "not JSON: nested deeper than 64 levels (a.json:1:66)"],
        [
          { env: { MCP_CONFIG_JSON: "{server: 1}" } },
          "not JSON: expected a key in double quotes (MCP_CONFIG_JSON:1:2)"
        ],
        [
          { env: { MCP_CONFIG_PATH: "no.yaml" } },
          "cannot read the file: no such file or directory (set by MCP_CONFIG_PATH) (no.yaml)"
        ],
        [
          { files: { "manifold.yaml": new Uint8Array([0x61, 0xff]) } },
          "not valid UTF-8 (/u/manifold/manifold.yaml)"
        ],
        [yaml(`a: ${"x".repeat(1 << 20)}`), "larger than 1048576 bytes (/u/manifold/manifold.yaml)"]
      ]
      for (const [from, expected] of cases) {
        const [first] = yield* problems(from)
        expect(`${first?.message} (${first?.source})`).toBe(expected)
      }
    })
  )

  it.effect("include keys that reach prototypes, or such keys are inert", () =>
    Effect.gen(function* () {
      const notAllowed = "this key is not allowed"
      const inJson = { env: { MCP_CONFIG_JSON: '{"server":{"__proto__":{"port":1},"constructor":2}}' } }
      expect(yield* problems(inJson)).toEqual([
        { path: "server.__proto__", message: notAllowed, source: "MCP_CONFIG_JSON" }
      ])
      expect(yield* problems({ files: { "manifold.yaml": "__proto__:\n  server: { port: 1 }\n" } })).toEqual([
        { path: "__proto__", message: notAllowed, source: "/u/manifold/manifold.yaml:1:1" }
      ])
      const constructed = yield* problems({
        files: { "manifold.yaml": "constructor: {}\nserver: { toString: 1 }\n" }
      })
      expect(constructed.map(({ path }) => path)).toEqual(["constructor", "server.toString"])
      const settings = yield* read(llm, {
        files: { "manifold.yaml": "llm: { active: groq, model: m, api_key: k, headers: { constructor: x } }" }
      })
      expect(settings.headers).toEqual({ constructor: "x" } as never)
      expect(Object.hasOwn(settings.headers ?? {}, "constructor")).toBe(true)
      expect(Object.hasOwn(Object.prototype, "port")).toBe(false)
    })
  )
})

describe("an optional section", () => {
  it.effect("reports its problems at any depth", () =>
    Effect.gen(function* () {
      const inner = Schema.Struct({
        max: Section.optional(Schema.Int, 3, "Most"),
        idle: Section.optional(DurationSetting, "3 seconds", "How long"),
        key: Schema.optionalKey(Secret.check(Schema.makeFilter(() => "too short")))
      })
      const outer = Section.make("outer", Schema.Struct({ inner: Section.optional(inner, {}, "Inner") }))
      expect(yield* read(outer, {})).toEqual({ inner: { max: 3, idle: Duration.seconds(3) } })
      const json = '{"outer":{"inner":{"max":"x","idle":"y","key":"z","mix":1}}}'
      const found = yield* problems({ env: { MCP_CONFIG_JSON: json } }, [outer])
      expect(found.map(({ path }) => path)).toEqual([
        "outer.inner.mix",
        "outer.inner.max",
        "outer.inner.idle",
        "outer.inner.key"
      ])
    })
  )
})

describe("layerFrom", () => {
  it.effect("provides a value and variables", () =>
    Effect.gen(function* () {
      const config = yield* ConfigSource
      expect(yield* config.read(server)).toMatchObject({ host: "h", port: 7 })
    }).pipe(Effect.provide(ConfigSource.layerFrom({ server: { host: "h", port: 1 } }, { PORT: "7" })))
  )
})
