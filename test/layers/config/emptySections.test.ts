/** Inner sections with only commented-out keys, merge keys, and wrongly indented lines. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { section as server } from "../../../layers/http/section.ts"
import { section as limits } from "../../../layers/guard/section.ts"
import type { Section } from "../../../layers/config/Section.ts"
import { sections } from "../../../src/program/sections.ts"
import { it } from "../../support/effect.ts"
import { given } from "./files.ts"

const from = (text: string) => given({ files: { "manifold.yaml": text } })

const problems = (text: string) =>
  ConfigSource.use((config) => config.check(sections)).pipe(
    Effect.flip,
    Effect.map((error) =>
      error.problems.map(({ message, path, source }) => ({ path, at: source.split("yaml:")[1], message }))
    ),
    Effect.provide(from(text))
  )

const read = <A>(section: Section<A>, text: string) =>
  ConfigSource.use((config) => Effect.andThen(config.check(sections), config.read(section))).pipe(
    Effect.provide(from(text))
  )

describe("an empty inner section is an empty map or list:", () => {
  for (const [name, text] of [
    ["server", "server:\n  # port: 1\n"],
    ["mcp", "mcp:\n  sessions:\n    # max: 10\n  suspended_calls:\n"],
    ["auth", "auth:\n  tokens:\n    # - name: x\n"],
    ["limits", "limits:\n  tools:\n  principal:\n  concurrency:\n  retry:\n  breaker:\n  cache:\n"],
    ["limits", "limits:\n  tools:\n    echo:\n"],
    ["outbound", "outbound:\n  allow_hosts:\n  ports:\n"]
  ] as const) {
    it.effect(JSON.stringify(text), () =>
      Effect.gen(function* () {
        const section: Section<unknown> | undefined = sections.find((each) => each.name === name)
        if (section === undefined) throw new Error(name)
        yield* read(section, text)
      })
    )
  }

  it.effect("a missing value is still a problem, and so is a section with required keys", () =>
    Effect.gen(function* () {
      expect(yield* problems("server:\n  port:\n")).toMatchObject([{ path: "server.port", at: "2:8" }])
      expect(yield* problems("server:\n  tls:\n    # cert_file: a.pem\n")).toMatchObject([
        { path: "server.tls.cert_file", at: "2:7" },
        { path: "server.tls.key_file", at: "2:7" }
      ])
    })
  )
})

describe("merge keys", () => {
  const rate = "limits:\n  principal: &rate\n    calls: 10\n    window: 1 minute\n  address:\n"

  it.effect("are merged, and keys beside them take precedence", () =>
    Effect.gen(function* () {
      const { address } = yield* read(limits, `${rate}    <<: *rate\n    calls: 5\n`)
      expect(address).toMatchObject({ calls: 5 })
      const list = yield* read(limits, `${rate}    <<: [{ calls: 7 }, *rate]\n`)
      expect(list.address).toMatchObject({ calls: 7 })
    })
  )

  it.effect("have problems at their origin, and only maps can be merged", () =>
    Effect.gen(function* () {
      expect(yield* problems(`${rate.replace("10", "0")}    <<: *rate\n`)).toMatchObject([
        { path: "limits.principal.calls", at: "3:12" },
        { path: "limits.address.calls", at: "3:12" }
      ])
      expect(yield* problems("server:\n  <<: 5\n")).toMatchObject([
        { at: "2:3", message: "an alias is used too often, or `<<` does not name a map or its alias" }
      ])
      expect(yield* problems("server:\n  <<: { __proto__: { port: 1 } }\n")).toMatchObject([
        { path: "server.__proto__", at: "2:9" }
      ])
    })
  )
})

describe("a wrongly indented line is one problem at that line:", () => {
  for (const [text, place] of [
    ["server:\n  host: x\n   port: 1\n", "3:4"],
    ["server:\n  port: 8000\n   host: x\n  http3: false\n", "3:4"],
    ["server:\nport: 1\n  host: x\n", "3:3"]
  ] as const) {
    it.effect(JSON.stringify(text), () =>
      Effect.gen(function* () {
        expect(yield* problems(text)).toMatchObject([
          { at: place, message: "wrong indentation: the line is indented more than the one above it" }
        ])
      })
    )
  }

  it.effect("a second colon in a line has a separate problem", () =>
    Effect.gen(function* () {
      expect(yield* problems("server:\n  host: a: b\n")).toMatchObject([
        { at: "2:9", message: "second colon in the line; quote the value" }
      ])
    })
  )
})

it.effect("hosts and origins are validated like in the listener, and http3 requires tls", () =>
  Effect.gen(function* () {
    for (const text of [
      "server: { allowed_hosts: [https://mcp.example.com] }",
      'server: { allowed_hosts: ["*.example.com"] }',
      'server: { allowed_hosts: [""] }',
      'server: { cors_origins: ["*"] }',
      'server: { cors_origins: ["null"] }',
      "server: { cors_origins: [app.example.com] }",
      "server: { http3: true }"
    ])
      expect(yield* problems(text)).toHaveLength(1)
    const settings = yield* read(
      server,
      'server: { allowed_hosts: [a.example, "a.example:8443", "[::1]"], cors_origins: ["https://app.example:8443"] }'
    )
    expect(settings.allowed_hosts).toHaveLength(3)
  })
)
