/** Secrets in settings: resolved or reported, and never shown in any problem. */
import { expect } from "bun:test"
import { Cause, Effect, Exit, Schema } from "effect"
import fc from "fast-check"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Secret } from "../../../layers/config/Secret.ts"
import * as Section from "../../../layers/config/Section.ts"
import { it } from "../../support/effect.ts"
import { given, type Given } from "./files.ts"

const auth = Section.make(
  "auth",
  Schema.Struct({
    tokens: Schema.Array(
      Schema.Struct({
        name: Schema.NonEmptyString,
        token: Secret.check(Schema.makeFilter(() => "never good enough")),
        scopes: Schema.optionalKey(Schema.Array(Schema.Literals(["read", "call"])))
      })
    ),
    key: Schema.optionalKey(Schema.Union([Secret, Schema.Int])),
    anonymous: Schema.optionalKey(Schema.Boolean)
  }),
  { env: { KEY: { path: ["key"], kind: "string" }, ANONYMOUS: { path: ["anonymous"], kind: "boolean" } } }
)

const problems = (from: Given) =>
  ConfigSource.use((config) => config.check([auth])).pipe(
    Effect.provide(given(from)),
    Effect.flip,
    Effect.map((error) => error.problems.map(({ message, path }) => `${path}: ${message}`))
  )

it.effect("a missing secret is a problem of its setting", () =>
  Effect.gen(function* () {
    const token = (written: unknown) =>
      problems({
        files: { "/empty": "\n" },
        env: {
          EMPTY: "",
          MCP_CONFIG_JSON: JSON.stringify({ auth: { tokens: [{ name: "a", token: written }] } })
        }
      }).pipe(Effect.map(([first]) => first?.replace(/^auth\.tokens\[0\]\.token: /, "")))
    expect(yield* token("env:NOT_SET")).toBe("the environment variable NOT_SET is not set")
    expect(yield* token("env:EMPTY")).toBe("the environment variable EMPTY is not set")
    expect(yield* token("env:sk_live_secret")).toBe("the environment variable named here is not set")
    expect(yield* token("env:A B")).toBe("expected the name of an environment variable after env:")
    expect(yield* token("file:/none")).toBe('cannot read the file "/none": no such file or directory')
    expect(yield* token("file:/empty")).toBe('the file "/empty" is empty')
    expect(yield* token("file:")).toBe("expected the path of a file after file:")
    expect(yield* token("")).toBe("the secret is empty")
    expect(yield* token(12345678)).toBe("expected env:NAME, file:PATH or the literal secret")
    expect(yield* token("x")).toBe("never good enough")
  })
)

const secret = fc.stringMatching(/^[A-Za-z0-9+/]{32,48}$/)

/** Settings of secrets, and settings that may contain one by mistake. */
const placed = (text: string): ReadonlyArray<unknown> => [
  { tokens: [{ name: "a", token: text }] },
  { tokens: [{ name: "a", token: [text] }] },
  { tokens: [{ name: "a", token: { value: text } }] },
  { tokens: [{ name: "a", tokn: text }] },
  { tokens: [{ name: "a", token: "env:KEY", scopes: [text] }] },
  { tokens: [{ name: { a: text }, token: "file:/key" }] },
  { tokens: text },
  { tokens: [text] },
  { [text]: "token" },
  { tokens: [], key: [text] },
  { tokens: [], anonymous: text },
  [text],
  text
]

/** Every text that may reach a terminal or a log. */
const shown = (exit: Exit.Exit<unknown, unknown>): string => {
  const errors = Exit.isFailure(exit) ? exit.cause.reasons.map((reason) => Bun.inspect(reason)) : []
  const pretty = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""
  return [Bun.inspect(exit), JSON.stringify(exit), String(exit), pretty, ...errors].join("\n")
}

const outcome = (from: Given) =>
  Effect.gen(function* () {
    const config = yield* ConfigSource
    const read = yield* Effect.exit(config.read(auth))
    const checked = yield* Effect.exit(config.check([auth]))
    return `${shown(read)}\n${shown(checked)}`
  }).pipe(Effect.provide(given(from)))

it.effect("no problem shows a secret of any setting", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(secret, fc.boolean(), async (text, inline) => {
        for (const value of placed(text)) {
          const json = JSON.stringify({ auth: value })
          const env = { KEY: text, ANONYMOUS: text, ...(inline && { MCP_CONFIG_JSON: json }) }
          const files = { "manifold.yaml": json, "/key": text }
          expect(await Effect.runPromise(outcome({ files, env }))).not.toContain(text)
        }
      }),
      { numRuns: 20 }
    )
  )
)

it.effect("no syntax error shows a secret", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(
        secret,
        fc.nat(200),
        fc.constantFrom(
          "",
          ":",
          "'",
          '"',
          "[",
          "{",
          "}",
          "*",
          "&",
          "!",
          "\n",
          "\t",
          "- ",
          "---\n",
          "%",
          "@",
          "\\",
          " #"
        ),
        fc.boolean(),
        async (text, at, inserted, asJson) => {
          const whole = asJson
            ? JSON.stringify({ auth: { tokens: [{ name: "a", token: text }], anonymous: false } })
            : `auth:\n  tokens:\n    - name: a\n      token: ${text}\n      scopes: [read]\n  key: "${text}"\n`
          const offset = at % whole.length
          // One character is dropped or replaced; the secret itself is intact.
          const broken = whole.slice(0, offset) + inserted + whole.slice(offset + 1)
          if (!broken.includes(text)) return
          const env = { MCP_CONFIG_PATH: asJson ? "c.json" : "c.yaml" }
          const output = await Effect.runPromise(
            outcome({ files: { "c.json": broken, "c.yaml": broken }, env })
          )
          expect(output).not.toContain(text)
        }
      ),
      { numRuns: 500 }
    )
  )
)
