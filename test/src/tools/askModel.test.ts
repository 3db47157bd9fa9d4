/** `ask-openai` and `ask-model` through the catalog: results, wrong arguments, progress and interruption. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import { Caller } from "../../../src/catalog/Caller.ts"
import { Client } from "../../../src/catalog/Client.ts"
import * as Toolset from "../../../src/catalog/toolkitEntries.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import type { ProgressEvent } from "../../../layers/progress/ProgressEvent.ts"
import * as askModel from "../../../src/tools/askModel.ts"
import * as askOpenai from "../../../src/tools/askOpenai.ts"
import * as createImage from "../../../src/tools/createImage.ts"
import { fixedBudget } from "../../support/budget.ts"
import { callTool } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"
import { outputFolder } from "../../support/output.ts"
import { aimock, chunk, done, events, finished, models, openai, server, usage } from "../../support/models.ts"

const program = (...given: Parameters<typeof models>) =>
  Layer.mergeAll(Toolset.layer(askModel), Toolset.layer(askOpenai), Toolset.layer(createImage)).pipe(
    Layer.provide(outputFolder),
    Layer.provideMerge(Catalog.layer),
    Layer.provideMerge(models(...given))
  )

const listed = Effect.gen(function* () {
  const { items } = yield* (yield* Catalog).tools(stdioUser)
  return items.map(({ name }) => name).toSorted()
})

const answer = (text: string) => () =>
  events([chunk({ content: text }, { finish: "stop" }), usage(9, 2), done])

describe("a tool is listed only if a provider can serve it:", () => {
  const cases: ReadonlyArray<readonly [string, Parameters<typeof models>, ReadonlyArray<string>]> = [
    ["none without a key", [undefined], []],
    [
      "all with OPENAI_API_KEY",
      [undefined, { env: { OPENAI_API_KEY: "k" } }],
      ["ask-model", "ask-openai", "create-image"]
    ],
    ["ask-model with ANTHROPIC_API_KEY", [undefined, { env: { ANTHROPIC_API_KEY: "k" } }], ["ask-model"]],
    [
      "create-image with a server that has an image model",
      [
        {
          active: "own",
          providers: { own: { base_url: "http://127.0.0.1:1/v1", model: "m", image_model: "i" } }
        }
      ],
      ["ask-model", "create-image"]
    ]
  ]
  for (const [name, given, tools] of cases) {
    it.effect(name, () =>
      Effect.gen(function* () {
        expect(yield* listed).toEqual([...tools])
      }).pipe(Effect.provide(program(...given)))
    )
  }
})

describe("ask-openai", () => {
  it.live(
    "answers the documented example, and the model call is a child of the tool call with the only charge",
    () =>
      Effect.gen(function* () {
        const { requests, url } = yield* server(answer("Qubits."), ["gpt-4", "gpt-4o"])
        yield* Effect.gen(function* () {
          const ended = yield* finished
          const output = yield* callTool("ask-openai", {
            query: "Explain quantum computing",
            model: "gpt-4",
            temperature: 0.7,
            max_tokens: 500
          })
          expect(output.content).toEqual([{ type: "text", text: "Qubits." }])
          expect(output.structured).toMatchObject({
            text: "Qubits.",
            provider: "openai",
            stop_reason: "stop",
            usage: { input_tokens: 9, output_tokens: 2, total_tokens: 11 },
            uncertain: false
          })
          expect(
            ended.map(({ call, outcome }) => [call.kind, call.name, outcome.spent !== undefined])
          ).toEqual([
            ["model", "gpt-4", true],
            ["tool", "ask-openai", false]
          ])
          expect(ended[0]?.call.parent).toBe(ended[1]?.call)
        }).pipe(Effect.provide(program(openai(url))))
        expect(requests[0]?.body).toMatchObject({
          model: "gpt-4",
          temperature: 0.7,
          max_completion_tokens: 500,
          messages: [{ role: "user", content: "Explain quantum computing" }]
        })
      })
  )

  it.live("names the nearest models for the retired gpt-3.5-turbo", () =>
    Effect.gen(function* () {
      const { url } = yield* server(answer(""), ["gpt-4o", "gpt-4.1-turbo", "gpt-5"])
      const asked = callTool("ask-openai", { query: "hi", model: "gpt-3.5-turbo" })
      const error = yield* Effect.flip(Effect.provide(asked, program(openai(url))))
      expect(error).toMatchObject({ _tag: "Failed", reason: "invalid" })
      expect(error.message).toContain("gpt-4.1-turbo")
    })
  )

  const wrong: ReadonlyArray<readonly [string, object]> = [
    ["temperature 3", { query: "hi", temperature: 3 }],
    ["max_tokens 0", { query: "hi", max_tokens: 0 }],
    ["an empty query", { query: "" }],
    ["no query", {}]
  ]
  for (const [name, args] of wrong) {
    it.effect(`rejects ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(callTool("ask-openai", args))
        expect(error._tag).toBe("InvalidArguments")
      }).pipe(Effect.provide(program(openai("http://127.0.0.1:1/v1"))))
    )
  }

  it.live("rejects a prompt of 1 MB before any money is held", () =>
    Effect.gen(function* () {
      const budget = fixedBudget("1")
      const asked = callTool("ask-openai", { query: "x".repeat(1024 * 1024) })
      const layer = program(openai("http://127.0.0.1:1/v1"), { budget: budget.layer })
      const error = yield* Effect.flip(Effect.provide(asked, layer))
      expect(error).toMatchObject({ _tag: "Failed", reason: "context_too_long" })
      expect(budget.asked).toEqual([])
    })
  )

  it.live("passes on that the budget is exceeded, and holds and charges nothing itself", () =>
    Effect.gen(function* () {
      const { url } = yield* server(answer("hi"))
      const small = fixedBudget("0.0001")
      const asked = callTool("ask-openai", { query: "hi" })
      const error = yield* Effect.flip(Effect.provide(asked, program(openai(url), { budget: small.layer })))
      expect(error._tag).toBe("OverBudget")
      const large = fixedBudget("1")
      yield* Effect.provide(asked, program(openai(url), { budget: large.layer }))
      expect(large.asked.map((line) => line.split(" ")[0])).toEqual(["hold", "settle"])
    })
  )

  it.live("retries once per attempt of limits.retry, and opens no second circuit breaker", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(() =>
        Response.json({ error: { message: "no" } }, { status: 503 })
      )
      const limits = { retry: { attempts: 2, first_delay: "1 millis" }, breaker: { failures: 2 } }
      yield* Effect.gen(function* () {
        const ask = Effect.flip(callTool("ask-openai", { query: "hi" }))
        expect(yield* ask).toMatchObject({ reason: "overloaded" })
        expect(requests).toHaveLength(2)
        yield* ask
        expect((yield* ask)._tag).toBe("Failed")
        // The third call was rejected by the provider's circuit, not by one of the tool.
        expect(requests).toHaveLength(4)
      }).pipe(Effect.provide(program(openai(url), { limits })))
    })
  )

  it.live("reports progress with the text so far, and ends it with the call", () =>
    Effect.gen(function* () {
      const mock = yield* aimock({
        match: {},
        response: { content: "one two three four" },
        chunkSize: 4,
        streamingProfile: { ttft: 1, tps: 200 }
      })
      const seen: Array<ProgressEvent> = []
      const caller = Caller.of({
        principal: stdioUser,
        requestId: "r",
        onProgress: (event) => seen.push(event)
      })
      const call = Effect.flatMap(Catalog, (entries) =>
        entries.call(stdioUser, "ask-openai", { query: "hi" })
      )
      yield* call.pipe(
        Effect.provide([Client.layerAbsent, Layer.succeed(Caller, caller), program(openai(`${mock.url}/v1`))])
      )
      expect(seen.length).toBeGreaterThan(1)
      expect(seen[0]?.details).toMatchObject({ message: expect.stringContaining("one") })
      expect(seen.at(-1)?.event_type).toBe("progress_completed")
    })
  )
})

describe("ask-model", () => {
  it.live("asks the active provider, and marks a response that is not complete", () =>
    Effect.gen(function* () {
      const { url } = yield* server(() =>
        events([chunk({ content: "Half" }, { finish: "length" }), usage(1, 1), done])
      )
      const local = { active: "own", providers: { own: { base_url: url, model: "m" } } }
      const output = yield* Effect.provide(callTool("ask-model", { query: "hi" }), program(local))
      expect(output.structured).toMatchObject({ provider: "own", stop_reason: "length", cost_usd: null })
      expect(output.content[0]).toMatchObject({ text: expect.stringContaining("Half\n\n[Incomplete") })
    })
  )

  it.live("closes the connection to the provider when its caller goes away", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const closed = yield* Deferred.make<void>()
      const { url } = yield* server(() => {
        Deferred.doneUnsafe(begun, Effect.void)
        return events([chunk({ content: "Once" })], "open", () => Deferred.doneUnsafe(closed, Effect.void))
      })
      yield* Effect.gen(function* () {
        const call = yield* Effect.forkChild(callTool("ask-model", { query: "hi" }))
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(call)
        yield* Deferred.await(closed)
      }).pipe(Effect.provide(program(openai(url))))
    })
  )
})
