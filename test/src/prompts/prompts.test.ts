/** The built-in prompts through the catalog: listing, rendering, invalid arguments, client variables, completion. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import fc from "fast-check"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Templates } from "../../../layers/templates/Templates.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import { prompts } from "../../../src/prompts/index.ts"
import { callServices, principal } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"
import * as sources from "../../layers/config/files.ts"
import { get, over, program } from "./promptCatalog.ts"

const complete = (prompt: string, argument: string, typed: string) =>
  Effect.flatMap(Catalog, (entries) =>
    entries.complete(stdioUser, { target: { prompt }, argument, typed, given: {} })
  ).pipe(
    Effect.map(({ values }) => values),
    Effect.provide(callServices)
  )

const issues = (name: string, args: Record<string, string>) =>
  Effect.map(Effect.flip(get(name, args)), (error) =>
    error._tag === "InvalidArguments"
      ? error.issues.map(({ message, path }) => `${path}: ${message}`)
      : [error._tag]
  )

describe("the list of prompts", () => {
  it.live("contains every prompt with its arguments, without rendering a template", () =>
    Effect.gen(function* () {
      const { items } = yield* (yield* Catalog).prompts(stdioUser)
      expect(items.map(({ name }) => name)).toEqual(["content_create", "summarize"])
      const [create, summarize] = items.map(({ arguments: args }) =>
        args.map(({ name, required }) => name + (required ? "!" : ""))
      )
      expect(summarize).toEqual([
        "topic!",
        "tone",
        "audience",
        "bullets_min",
        "bullets_max",
        "style",
        "language",
        "client_id"
      ])
      expect(create).toEqual(["content_type!", "topic!", "audience", "tone", "client_id"])
      for (const { arguments: args, description, icons, title } of items) {
        expect([title, description, icons?.length]).toEqual([expect.any(String), expect.any(String), 1])
        for (const argument of args) expect(argument.description?.length).toBeGreaterThan(10)
      }
      expect(yield* (yield* Templates).stats).toMatchObject({ renders: 0, entries: 0 })
    }).pipe(Effect.provide(program()))
  )

  it.live("does not load the template compiler, which the first rendering loads", () =>
    Effect.gen(function* () {
      const code = `
        const { get, program } = await import("./test/src/prompts/promptCatalog.ts")
        const { Catalog } = await import("./src/catalog/Catalog.ts")
        const { stdioUser } = await import("./src/domain/Principal.ts")
        const { Effect } = await import("effect")
        const loaded = () => Object.keys(require.cache).some((file) => file.includes("squirrelly"))
        const steps = Effect.gen(function* () {
          yield* (yield* Catalog).prompts(stdioUser)
          const before = loaded()
          yield* get("summarize", { topic: "x" })
          return [before, loaded()]
        })
        console.log(JSON.stringify(await Effect.runPromise(steps.pipe(Effect.provide(program())))))`
      const output = yield* Effect.promise(() => {
        const cwd = new URL("../../../", import.meta.url).pathname
        return Bun.spawn([process.execPath, "-e", code], { cwd, stderr: "inherit" }).stdout.text()
      })
      expect(JSON.parse(output)).toEqual([false, true])
    })
  )

  it.live("is empty without the scope call", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const reader = principal(["read"])
      expect((yield* entries.prompts(reader)).items).toEqual([])
      const error = yield* Effect.flip(entries.get(reader, "summarize", { topic: "x" }))
      expect(error._tag).toBe("NotFound")
    }).pipe(Effect.provide([callServices, program()]))
  )
})

describe("the prompt summarize", () => {
  it.live("contains every argument", () =>
    Effect.gen(function* () {
      const text = yield* get("summarize", {
        topic: "Large Language Models",
        tone: "concise",
        audience: "general",
        bullets_min: "4",
        bullets_max: "6",
        style: "professional",
        language: "en",
        client_id: "acme"
      })
      for (const part of [
        "<topic>Large Language Models</topic>",
        "<tone>concise</tone>",
        "<audience>general</audience>",
        "between 4 and 6 bullet points; as many as the topic needs",
        "<style>professional</style>",
        "<language>English (en)</language>"
      ]) {
        expect(text).toContain(part)
      }
      for (const heading of ["# Task", "# Input", "# Requirements", "# Output"]) {
        expect(text).toContain(`\n\n${heading}\n\n`)
      }
      expect(text).not.toMatch(/undefined|null|\[object|\{\{|\}\}|\n\n\n|[ \t]$/m)
    }).pipe(Effect.provide(program()))
  )

  it.live("requires only a topic", () =>
    Effect.gen(function* () {
      const text = yield* get("summarize", { topic: "Tides", bullets_min: "", tone: " " })
      expect(text).toContain("between 4 and 6 bullet points")
      expect(text).toContain("the one in which the topic is written")
      expect(yield* get("summarize", { topic: "Tides", bullets_min: " 5 ", bullets_max: "5" })).toContain(
        "Length: exactly 5 bullet points.\n"
      )
      expect(yield* get("summarize", { topic: "Tides", bullets_min: "1", bullets_max: "1" })).toContain(
        "exactly 1 bullet point.\n"
      )
    }).pipe(Effect.provide(program()))
  )
})

describe("the prompt content_create", () => {
  it.live("has instructions per content type in any spelling, and general ones for unknown types", () =>
    Effect.gen(function* () {
      const of = (content_type: string) => get("content_create", { content_type, topic: "AI strategy" })
      expect(yield* of("presentation")).toContain("A slide outline in Markdown")
      expect(yield* of("Slide_Deck")).toContain("A slide outline in Markdown")
      expect(yield* of("E-Mail")).toContain("First `Subject:`")
      expect(yield* of("haiku")).toContain("that experienced readers expect of this type of content")
      expect(yield* of("haiku")).toContain("<content_type>haiku</content_type>")
    }).pipe(Effect.provide(program()))
  )
})

describe("prompt arguments", () => {
  it.live("that are invalid are rejected with the path and the expected value", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [Record<string, string>, ReadonlyArray<string>]> = [
        [{ topic: " \n" }, ["topic: required, but missing"]],
        [
          { topic: "x", bullets_min: "many" },
          ['bullets_min: expected a whole number between 1 and 30, got "many"']
        ],
        [
          { topic: "x", bullets_min: "4.5", bullets_max: "-1" },
          [
            'bullets_min: expected a whole number between 1 and 30, got "4.5"',
            'bullets_max: expected a whole number between 1 and 30, got "-1"'
          ]
        ],
        [
          { topic: "x", bullets_min: "1e1" },
          ['bullets_min: expected a whole number between 1 and 30, got "1e1"']
        ],
        [{ topic: "x", bullets_min: "9" }, ["bullets_min: must be at most bullets_max (6), got 9; set both"]],
        [{ topic: "x", tones: "y" }, ['tones: unknown key; did you mean "tone"?']],
        [
          { topic: "x".repeat(50_001) },
          ["topic: expected some text of at most 50000 characters, got a string of 50001 characters"]
        ],
        [
          { topic: "x", tone: "y".repeat(501) },
          ["tone: expected some text of at most 500 characters, got a string of 501 characters"]
        ]
      ]
      for (const [args, expected] of cases) expect(yield* issues("summarize", args)).toEqual([...expected])
    }).pipe(Effect.provide(program()))
  )

  it.live("named like properties of Object.prototype are rejected and change nothing", () =>
    Effect.gen(function* () {
      const args = JSON.parse('{"topic": "x", "__proto__": "y", "constructor": "z"}') as Record<
        string,
        string
      >
      expect(yield* issues("summarize", args)).toHaveLength(2)
      expect(({} as Record<string, unknown>).topic).toBeUndefined()
    }).pipe(Effect.provide(program()))
  )

  it.live("are inserted unchanged and never run as template code", () =>
    Effect.gen(function* () {
      const context = yield* Effect.context<Catalog>()
      const piece = fc.oneof(
        fc.constantFrom(
          "{{",
          "}}",
          "{{it.topic}}",
          "{{! throw 1 }}",
          "{{@include('base')/}}",
          "${",
          "`",
          "\\",
          "'",
          '"',
          "\r\n",
          "\u2028",
          "</topic>",
          "\u0000",
          "好",
          "🙂"
        ),
        fc.string({ unit: "binary" })
      )
      const given = fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => `x${pieces.join("")}y`)
      const property = fc.asyncProperty(given, given, given, async (topic, tone, audience) => {
        const texts = await Effect.runPromiseWith(context)(
          Effect.all([
            get("summarize", { topic, tone, audience, style: tone, language: audience }),
            get("content_create", { content_type: tone, topic, audience, tone })
          ])
        )
        for (const text of texts) for (const value of [topic, tone, audience]) expect(text).toContain(value)
      })
      yield* Effect.promise(() => fc.assert(property, { numRuns: 150 }))
    }).pipe(Effect.provide(program()))
  )
})

describe("configured variables of clients", () => {
  const config = {
    prompts: {
      summarize: {
        defaults: { tone: "dry", bullets_min: "5" },
        clients: { acme: { tone: "detailed", style: "academic" }, beta: {} }
      }
    }
  }

  it.live("override the defaults and are overridden by the caller's arguments", () =>
    Effect.gen(function* () {
      const tone = (args: Record<string, string>) =>
        Effect.map(get("summarize", { topic: "x", ...args }), (text) => /<tone>(.*)<\/tone>/.exec(text)?.[1])
      expect(yield* tone({})).toBe("dry")
      expect(yield* tone({ client_id: "acme" })).toBe("detailed")
      expect(yield* tone({ client_id: "acme", tone: "mine" })).toBe("mine")
      expect(yield* tone({ client_id: "beta" })).toBe("dry")
      for (const client_id of [
        "nobody",
        "__proto__",
        "constructor",
        "toString",
        "x".repeat(10_240),
        "\u0000",
        ""
      ]) {
        expect(yield* tone({ client_id })).toBe("dry")
      }
    }).pipe(Effect.provide(program(config)))
  )

  it.live("make a required argument optional, and reloads update the list", () => {
    const text = (clients: string) => `prompts: { summarize: { clients: { ${clients} } } }`
    const files: Record<string, string> = { "manifold.yaml": text("acme: { topic: Rivers }") }
    return Effect.gen(function* () {
      const required = Effect.map((yield* Catalog).prompts(stdioUser), ({ items }) =>
        items
          .find(({ name }) => name === "summarize")
          ?.arguments.filter((argument) => argument.required)
          .map(({ name }) => name)
      )
      expect(yield* required).toEqual([])
      expect(yield* get("summarize", { client_id: "acme" })).toContain("<topic>Rivers</topic>")
      expect(yield* issues("summarize", { client_id: "other" })).toEqual(["topic: required, but missing"])
      files["manifold.yaml"] = text("acme: { tone: dry }")
      yield* (yield* ConfigSource).reload
      expect(yield* required).toEqual(["topic"])
      expect(yield* issues("summarize", { client_id: "acme" })).toHaveLength(1)
    }).pipe(Effect.provide(over(sources.given({ files }))))
  })

  it.live("complete the argument client_id", () =>
    Effect.gen(function* () {
      expect(yield* complete("summarize", "client_id", "")).toEqual(["acme", "beta"])
      expect(yield* complete("content_create", "client_id", "")).toEqual([])
    }).pipe(Effect.provide(program(config)))
  )
})

describe("completion of prompt arguments", () => {
  it.live("returns prefix matches first, then other matches", () =>
    Effect.gen(function* () {
      expect(yield* complete("summarize", "tone", "Pro")).toEqual(["professional"])
      expect(yield* complete("summarize", "language", "pt")).toEqual(["pt", "pt-BR"])
      expect(yield* complete("summarize", "bullets_max", "3")).toEqual(["3", "30", "13", "23"])
      expect(yield* complete("content_create", "content_type", "post")).toEqual([
        "blog post",
        "social media post"
      ])
      expect(yield* complete("summarize", "topic", "x")).toEqual([])
    }).pipe(Effect.provide(program()))
  )
})

describe("the built-in templates", () => {
  it.live("are valid and render the examples of every prompt", () =>
    Effect.gen(function* () {
      const report = yield* (yield* Templates).check
      expect(report.templates.flatMap(({ problems }) => problems)).toEqual([])
      expect(report.ok).toBe(true)
      for (const { examples, template } of prompts) {
        expect(examples.length).toBeGreaterThan(0)
        expect(report.templates).toContainEqual({
          name: template,
          file: null,
          rendered: examples.length,
          problems: []
        })
      }
    }).pipe(Effect.provide(program()))
  )
})
