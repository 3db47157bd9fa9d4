/** The library's entry constructors: `prompt`, `resource`, `resourceTemplate` and `callTool`. */
import { describe, expect } from "bun:test"
import { Effect, Layer, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import type { ProgressEvent } from "../../../layers/progress/ProgressEvent.ts"
import {
  Caller,
  callTool,
  Catalog,
  catalogMemory,
  Client,
  ClientError,
  elicit,
  entries,
  Failed,
  InvalidArguments,
  NotFound,
  Progress,
  prompt,
  resource,
  resourceTemplate,
  sample,
  stdioUser,
  toolset,
  Unavailable,
  type Entries
} from "../../../src/index.ts"
import { callServices, principal } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"

/** Runs with a catalog of these entries, as the stdio user. */
const withEntries =
  (own: Entries) =>
  <A, E>(body: (catalog: Catalog["Service"]) => Effect.Effect<A, E, Caller | Client>) =>
    Effect.flatMap(Catalog, body).pipe(
      Effect.provide(Layer.merge(callServices, Layer.provideMerge(entries(own), catalogMemory)))
    )

class Odd extends Schema.TaggedError<Odd>()("Odd", { message: Schema.String }) {}

describe("prompt", () => {
  const get = (made: ReturnType<typeof prompt>, args: Record<string, string> = {}) =>
    withEntries({ prompts: [made] })((catalog) => catalog.get(stdioUser, made.name, args))

  it.effect("a prompt turns a string into one user message and passes on messages", () =>
    Effect.gen(function* () {
      const short = prompt({ name: "p", get: () => Effect.succeed("Hi.") })
      expect(yield* get(short)).toEqual({
        messages: [{ role: "user", content: { type: "text", text: "Hi." } }]
      })
      const output = {
        description: "d",
        messages: [{ role: "assistant" as const, content: { type: "text" as const, text: "Hm." } }]
      }
      expect(yield* get(prompt({ name: "p", get: () => Effect.succeed(output) }))).toEqual(output)
    })
  )

  it.effect("a prompt receives the given arguments and lists all with their texts", () =>
    Effect.gen(function* () {
      const both = prompt({
        name: "p",
        arguments: { a: { required: true, description: "A." }, b: { title: "B", required: false }, c: {} },
        get: ({ a, b = "none", c }) => Effect.succeed([a.length, b, c].join())
      })
      expect(both.arguments).toEqual([
        { name: "a", required: true, description: "A." },
        { name: "b", required: false, title: "B" },
        { name: "c", required: false }
      ])
      expect(yield* get(both, { a: "xyz" })).toMatchObject({ messages: [{ content: { text: "3,none," } }] })
      const missing = yield* Effect.flip(get(both, { b: "x" }))
      expect(missing).toBeInstanceOf(InvalidArguments)
    })
  )

  it.effect("a prompt converts errors to Failed except for InvalidArguments", () =>
    Effect.gen(function* () {
      const failing = (error: unknown) => prompt({ name: "p", get: () => Effect.fail(error) })
      expect(yield* Effect.flip(get(failing(new Odd({ message: "odd" }))))).toMatchObject({
        _tag: "Failed",
        name: "p",
        detail: "odd",
        reason: "Odd"
      })
      expect(yield* Effect.flip(get(failing("text")))).toMatchObject({ _tag: "Failed", detail: "text" })
      const away = yield* Effect.flip(get(failing(new Unavailable({ detail: "away", transient: {} }))))
      expect(away).toHaveProperty("transient")
      const own = new InvalidArguments({ name: "p", issues: [{ path: "a", message: "too long" }] })
      expect(yield* Effect.flip(get(failing(own)))).toBe(own)
      const failed = new Failed({ name: "p", detail: "d", reason: "r" })
      expect(yield* Effect.flip(get(failing(failed)))).toBe(failed)
    })
  )

  it.effect("a prompt requires the scope call or its own scopes", () =>
    Effect.gen(function* () {
      const usual = prompt({ name: "p", get: () => Effect.succeed("") })
      const open = prompt({ name: "q", scopes: ["read"], get: () => Effect.succeed("") })
      const listed = withEntries({ prompts: [usual, open] })((catalog) =>
        catalog.prompts(principal(["read"]))
      )
      expect((yield* listed).items.map(({ name }) => name)).toEqual(["q"])
    })
  )
})

describe("resource", () => {
  const read = (own: Entries, uri: string) => withEntries(own)((catalog) => catalog.read(stdioUser, uri))

  it.effect("a resource returns text, bytes or contents with their own URIs", () =>
    Effect.gen(function* () {
      const made = (contents: string | Uint8Array) =>
        resource({ uri: "x://a", name: "a", mimeType: "t/x", read: Effect.succeed(contents) })
      const [uri, mimeType] = ["x://a", "t/x"]
      expect(yield* read({ resources: [made("é")] }, uri)).toEqual({
        contents: [{ uri, mimeType, text: "é" }]
      })
      expect(yield* read({ resources: [made("")] }, uri)).toEqual({ contents: [{ uri, mimeType, text: "" }] })
      expect(yield* read({ resources: [made(Uint8Array.of(0, 255))] }, uri)).toEqual({
        contents: [{ uri, mimeType, blob: "AP8=" }]
      })
      const own = { contents: [{ uri: "x://b", text: "b" }] }
      const passed = resource({ uri, name: "a", read: Effect.succeed(own) })
      expect(yield* read({ resources: [passed] }, uri)).toEqual(own)
      const bare = resource({ uri, name: "a", read: Effect.succeed("b") })
      expect(yield* read({ resources: [bare] }, uri)).toEqual({ contents: [{ uri, text: "b" }] })
    })
  )

  it.effect("a resource fails with Failed and is hidden without the scope read", () =>
    Effect.gen(function* () {
      const failing = resource({ uri: "x://a", name: "a", read: Effect.fail(new Odd({ message: "odd" })) })
      expect(yield* Effect.flip(read({ resources: [failing] }, "x://a"))).toMatchObject({
        _tag: "Failed",
        detail: "odd"
      })
      const listed = withEntries({ resources: [failing] })((catalog) =>
        catalog.resources(principal(["call"]))
      )
      expect((yield* listed).items).toEqual([])
    })
  )

  it.effect("a resource template receives decoded variables and may fail with NotFound", () =>
    Effect.gen(function* () {
      const users = resourceTemplate({
        uriTemplate: "user://{id}/{file}",
        name: "user",
        read: ({ file, id }, uri) =>
          id === "0"
            ? Effect.fail(new NotFound({ kind: "resource", name: uri }))
            : Effect.succeed(`${id} ${file}`)
      })
      expect(yield* read({ templates: [users] }, "user://7/a%20b")).toMatchObject({
        contents: [{ uri: "user://7/a%20b", text: "7 a b" }]
      })
      expect(yield* Effect.flip(read({ templates: [users] }, "user://0/x"))).toMatchObject({
        _tag: "NotFound"
      })
    })
  )
})

describe("callTool", () => {
  const Ask = Tool.make("ask", {
    success: Schema.Struct({ text: Schema.String }),
    failure: ClientError,
    dependencies: [Client, Progress, Caller]
  })
  const Sum = Tool.make("sum", {
    parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
    success: Schema.Struct({ sum: Schema.Finite })
  })
  const toolkit = Toolkit.make(Ask, Sum)
  const own = toolset({
    toolkit,
    layer: toolkit.toLayer({
      sum: ({ a, b }) => Effect.succeed({ sum: a + b }),
      ask: () =>
        Effect.gen(function* () {
          const progress = (yield* Progress).steps(["form", "model"])
          const form = yield* progress.step("form", elicit("Name?", Schema.Struct({ name: Schema.String })))
          if (form.action !== "accept") return { text: form.action }
          const messages = [{ role: "user" as const, content: { type: "text" as const, text: "Hi" } }]
          const { model } = yield* progress.step("model", sample({ messages, maxTokens: 5 }))
          return { text: `${form.content.name} ${model} ${(yield* Caller).call}` }
        })
    })
  })
  const tested = own.pipe(Layer.provideMerge(catalogMemory))

  it.effect("callTool applies schemas and Guard without a server", () =>
    Effect.gen(function* () {
      expect(yield* callTool("sum", { a: 1, b: 2 })).toMatchObject({ structured: { sum: 3 } })
      expect(yield* Effect.flip(callTool("sum", { a: "1" }))).toMatchObject({ _tag: "InvalidArguments" })
      expect(yield* Effect.flip(callTool("product", {}))).toMatchObject({ _tag: "NotFound" })
      const reader = principal(["read"], ["read", "call"])
      expect(yield* Effect.flip(callTool("sum", { a: 1, b: 2 }, { principal: reader }))).toMatchObject({
        _tag: "Forbidden"
      })
    }).pipe(Effect.provide(tested))
  )

  it.effect("callTool responds to input requests and reports progress", () =>
    Effect.gen(function* () {
      const sampled = {
        role: "assistant" as const,
        content: { type: "text" as const, text: "x" },
        model: "m"
      }
      const events: Array<ProgressEvent> = []
      const accepted = { elicit: { action: "accept" as const, content: { name: "Ada" } }, sample: sampled }
      const onProgress = (event: ProgressEvent) => void events.push(event)
      const output = yield* callTool("ask", {}, { answers: accepted, onProgress })
      expect(output.structured).toEqual({ text: "Ada m tools/call ask" })
      expect(events.map(({ step }) => step)).toContain("form")
      const declined = yield* callTool("ask", {}, { answers: { elicit: { action: "decline" } } })
      expect(declined.structured).toEqual({ text: "decline" })
    }).pipe(Effect.provide(tested))
  )

  it.effect("callTool fails an input request without a response", () =>
    Effect.gen(function* () {
      const wrong = { elicit: { action: "accept" as const, content: { name: 5 } } }
      expect((yield* Effect.flip(callTool("ask", {}, { answers: wrong }))).message).toContain(
        "does not match its schema"
      )
      expect((yield* Effect.flip(callTool("ask", {}, { answers: {} }))).message).toContain('"elicit"')
      expect((yield* Effect.flip(callTool("ask", {}))).message).toContain("does not support")
    }).pipe(Effect.provide(tested))
  )
})
