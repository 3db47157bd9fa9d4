/** `create-image` through the catalog: image content, retired values, partial success, concurrency and limits. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import { Caller } from "../../../src/catalog/Caller.ts"
import { Client } from "../../../src/catalog/Client.ts"
import * as Toolset from "../../../src/catalog/toolkitEntries.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import type { ProgressEvent } from "../../../layers/progress/ProgressEvent.ts"
import * as resources from "../../../src/resources/output.ts"
import * as createImage from "../../../src/tools/createImage.ts"
import { fixedBudget } from "../../support/budget.ts"
import { callServices, callTool } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"
import { outputFolder } from "../../support/output.ts"
import { aimock, finished, models, openai, server } from "../../support/models.ts"

const files = Layer.effectDiscard(
  Effect.gen(function* () {
    const entries = yield* Catalog
    yield* entries.add({ templates: [yield* resources.entry] })
  })
)

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

const program = (...given: Parameters<typeof models>) =>
  Layer.mergeAll(Toolset.layer(createImage), files).pipe(
    Layer.provide(outputFolder),
    Layer.provideMerge(Catalog.layer),
    Layer.provideMerge(models(...given))
  )

const configured = (url: string, more: Record<string, unknown> = {}) => ({
  ...openai(url, { image_model: "gpt-image-1" }),
  ...more
})

const image = (data = png) =>
  Response.json({
    created: 1,
    data: [{ b64_json: data }],
    usage: { input_tokens: 10, output_tokens: 1000, total_tokens: 1010 }
  })

const wolf = "A wolf running under moonlight"

describe("an image", () => {
  it.live("is image content that clients show, with the charge that its tokens cost", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(() => image())
      yield* Effect.gen(function* () {
        const ended = yield* finished
        const output = yield* callTool("create-image", { prompt: wolf, size: "1024x1024", quality: "hd" })
        expect(output).toEqual({ content: [{ type: "image", data: png, mimeType: "image/png" }] })
        expect(ended.map(({ call }) => call.kind)).toEqual(["model", "tool"])
        expect(ended[0]?.outcome.spent).toMatchObject({
          provider: "openai",
          model: "gpt-image-1",
          usage: { input_tokens: 10, output_tokens: 1000 }
        })
      }).pipe(Effect.provide(program(configured(url))))
      // The retired `hd` is today's `high`.
      expect(requests[0]?.body).toMatchObject({
        model: "gpt-image-1",
        size: "1024x1024",
        quality: "high",
        n: 1
      })
    })
  )

  it.live("is held with the tokens that its size and quality may take", () =>
    Effect.gen(function* () {
      const { url } = yield* server(() => image())
      const heldFor = (size: string, quality: string) =>
        Effect.gen(function* () {
          const budget = fixedBudget("100000")
          const prices = { models: { "openai/gpt-image-1": [{ input: 0, output: 1_000_000 }] } }
          yield* Effect.provide(
            callTool("create-image", { prompt: wolf, size, quality }),
            program(configured(url), { budget: budget.layer, prices })
          )
          return Number(budget.asked[0]?.split(" ")[1])
        })
      expect(yield* heldFor("1024x1024", "high")).toBe(8192)
      expect(yield* heldFor("3840x2160", "high")).toBe(32_915)
      expect(yield* heldFor("1024x1024", "max")).toBe(16_645)
    })
  )

  it.live("comes from aimock as well", () =>
    Effect.gen(function* () {
      const mock = yield* aimock({ match: { endpoint: "image" }, response: { images: [{ b64Json: png }] } })
      const call = callTool("create-image", { prompt: wolf, model: "gpt-4o" })
      const output = yield* Effect.provide(call, program(configured(`${mock.url}/v1`)))
      expect(output.content).toMatchObject([{ type: "image", data: png }])
    })
  )

  it.live("of a server without usage is charged by number, if the operator has a price", () =>
    Effect.gen(function* () {
      const { url } = yield* server(() => Response.json({ created: 1, data: [{ b64_json: png }] }))
      const prices = { models: { "openai/gpt-image-1": [{ image: 0.04 }] } }
      const budget = fixedBudget("1")
      const call = callTool("create-image", { prompt: wolf, n: 2 })
      yield* Effect.provide(call, program(configured(url), { prices, budget: budget.layer }))
      expect(budget.left()).toBe("0.92")
    })
  )
})

it.live("an image without usage is charged with its upper bound if only its tokens have a price", () =>
  Effect.gen(function* () {
    const { url } = yield* server(() => Response.json({ created: 1, data: [{ b64_json: png }] }))
    const prices = { models: { "openai/gpt-image-1": [{ input: 0, output: 1000 }] } }
    const budget = fixedBudget("10")
    yield* Effect.gen(function* () {
      const ended = yield* finished
      yield* callTool("create-image", { prompt: wolf })
      expect(ended[0]?.outcome.spent).toMatchObject({ uncertain: true, usage: { output_tokens: 8192 } })
    }).pipe(Effect.provide(program(configured(url), { prices, budget: budget.layer })))
    expect(budget.left()).toBe("1.808")
  })
)

describe("an invalid response", () => {
  const uncertain = { uncertain: true, usage: { output_tokens: 8192 } }
  const cases: ReadonlyArray<readonly [string, () => Response]> = [
    ["larger than the limit", () => image("A".repeat(65 * 1024 * 1024))],
    ["without image data", () => Response.json({ data: [{ b64_json: 5 }] })],
    ["without a list", () => Response.json(null)]
  ]
  for (const [name, response] of cases) {
    it.live(`${name} is requested once, and charged with its upper bound`, () =>
      Effect.gen(function* () {
        const { requests, url } = yield* server(response)
        yield* Effect.gen(function* () {
          const ended = yield* finished
          const error = yield* Effect.flip(callTool("create-image", { prompt: wolf }))
          expect(error).toMatchObject({ _tag: "Failed", reason: "bug" })
          expect(requests).toHaveLength(1)
          expect(ended[0]?.outcome.spent).toMatchObject(uncertain)
        }).pipe(Effect.provide(program(configured(url))))
      })
    )
  }

  it.live("with usage that is no count, or zero, is charged with its upper bound", () =>
    Effect.gen(function* () {
      for (const usage of [
        { input_tokens: "10", output_tokens: "many" },
        { input_tokens: 0, output_tokens: 0 },
        {}
      ]) {
        const { url } = yield* server(() => Response.json({ data: [{ b64_json: png }], usage }))
        yield* Effect.gen(function* () {
          const ended = yield* finished
          yield* callTool("create-image", { prompt: wolf })
          expect(ended[0]?.outcome.spent).toMatchObject(uncertain)
        }).pipe(Effect.provide(program(configured(url))))
      }
    })
  )
})

describe("wrong arguments", () => {
  const cases: ReadonlyArray<readonly [string, object, string]> = [
    ["the size 512x512, listing valid sizes", { size: "512x512" }, "1024x1024"],
    ["the size 256x256, listing valid sizes", { size: "256x256" }, "1536x1024"],
    ["an unknown quality, listing valid ones", { quality: "ultra" }, "medium"],
    ["the quality `constructor`", { quality: "constructor" }, "medium"],
    ["the retired model dall-e-3, naming image models", { model: "dall-e-3" }, "gpt-image-1"]
  ]
  for (const [name, args, named] of cases) {
    it.live(`${name}, are rejected before any request`, () =>
      Effect.gen(function* () {
        const { requests, url } = yield* server(() => image(), ["gpt-4o", "gpt-image-1"])
        const call = Effect.flip(callTool("create-image", { prompt: wolf, ...args }))
        const error = yield* Effect.provide(call, program(configured(url)))
        expect(error).toMatchObject({ _tag: "Failed", reason: "invalid" })
        expect(error.message).toContain(named)
        expect(requests).toEqual([])
      })
    )
  }

  for (const n of [0, 11, 1.5]) {
    it.effect(`n ${n} is rejected`, () =>
      Effect.gen(function* () {
        expect((yield* Effect.flip(callTool("create-image", { prompt: wolf, n })))._tag).toBe(
          "InvalidArguments"
        )
      }).pipe(Effect.provide(program(configured("http://127.0.0.1:1/v1"))))
    )
  }
})

describe("a batch", () => {
  it.live("runs with bounded concurrency, and reports its queue as progress", () =>
    Effect.gen(function* () {
      let [running, most] = [0, 0]
      const { url } = yield* server(async () => {
        most = Math.max(most, ++running)
        await Promise.resolve()
        running--
        return image()
      })
      const seen: Array<ProgressEvent> = []
      const caller = Caller.of({
        principal: stdioUser,
        requestId: "r",
        onProgress: (event) => seen.push(event)
      })
      const call = Effect.flatMap(Catalog, (entries) =>
        entries.call(stdioUser, "create-image", { prompt: wolf, n: 10 })
      )
      const output = yield* call.pipe(
        Effect.provide([
          Client.layerAbsent,
          Layer.succeed(Caller, caller),
          program(configured(url, { images_at_once: 2 }))
        ])
      )
      expect(output.content).toHaveLength(10)
      expect(most).toBeLessThanOrEqual(2)
      expect(seen[0]?.details).toMatchObject({ running: 1, queued: 9 })
      expect(seen.at(-1)).toMatchObject({ event_type: "progress_completed", progress_percent: 100 })
    })
  )

  it.live("reports images that failed beside those that were made", () =>
    Effect.gen(function* () {
      let count = 0
      const { url } = yield* server(() =>
        ++count === 2 ? Response.json({ error: { message: "no capacity" } }, { status: 503 }) : image()
      )
      const llm = configured(url, { images_at_once: 1 })
      const call = callTool("create-image", { prompt: wolf, n: 3 })
      const { content } = yield* Effect.provide(call, program(llm, { limits: { retry: { attempts: 1 } } }))
      expect(content.map(({ type }) => type)).toEqual(["text", "image", "image"])
      expect(content[0]).toMatchObject({ text: expect.stringContaining("2 of 3 images") })
    })
  )

  it.live("stops at an error that every image would get", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(() =>
        Response.json({ error: { message: "flagged", code: "content_policy_violation" } }, { status: 400 })
      )
      const call = Effect.flip(callTool("create-image", { prompt: wolf, n: 10 }))
      const error = yield* Effect.provide(call, program(configured(url, { images_at_once: 1 })))
      expect(error).toMatchObject({ _tag: "Failed", reason: "content_filter" })
      expect(requests).toHaveLength(1)
    })
  )

  it.live(
    "returns what fits into one result, and links to files with the rest, which is paid for as well",
    () =>
      Effect.gen(function* () {
        const large = "A".repeat(3 * 1024 * 1024)
        const { url } = yield* server(() => image(large))
        yield* Effect.gen(function* () {
          const { content } = yield* callTool("create-image", { prompt: wolf, n: 3 })
          expect(content.map(({ type }) => type)).toEqual(["text", "image", "image", "resource_link"])
          expect(content[0]).toMatchObject({ text: expect.stringContaining("3 of 3 images") })
          const link = content[3]?.type === "resource_link" ? content[3] : undefined
          expect(link).toMatchObject({ name: "image.png", mimeType: "image/png" })
          const entries = yield* Catalog
          const read = yield* Effect.provide(entries.read(stdioUser, link?.uri ?? ""), callServices)
          expect(read.contents).toMatchObject([{ mimeType: "image/png", blob: large }])
        }).pipe(Effect.provide(program(configured(url))))
      })
  )
})

it.live("a caller who goes away closes the connection to the provider", () =>
  Effect.gen(function* () {
    const begun = yield* Deferred.make<void>()
    const closed = yield* Deferred.make<void>()
    const { url } = yield* server((request) => {
      request.signal.addEventListener("abort", () => Deferred.doneUnsafe(closed, Effect.void))
      Deferred.doneUnsafe(begun, Effect.void)
      return new Promise<Response>(() => {})
    })
    yield* Effect.gen(function* () {
      const call = yield* Effect.forkChild(callTool("create-image", { prompt: wolf }))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(call)
      yield* Deferred.await(closed)
    }).pipe(Effect.provide(program(configured(url))))
  })
)

it.effect(
  "an image without a response ends at image_time_limit, and may have been made, so that it is charged",
  () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const { requests, url } = yield* server(() => {
        Deferred.doneUnsafe(begun, Effect.void)
        return new Promise<Response>(() => {})
      })
      yield* Effect.gen(function* () {
        const ended = yield* finished
        const call = yield* Effect.forkChild(Effect.flip(callTool("create-image", { prompt: wolf })))
        yield* Deferred.await(begun)
        yield* TestClock.adjust("120 seconds")
        expect((yield* Fiber.join(call)).message).toContain("120")
        expect(requests).toHaveLength(1)
        expect(ended[0]?.outcome.spent).toMatchObject({ uncertain: true, usage: { output_tokens: 8192 } })
      }).pipe(Effect.provide(program(configured(url))))
    })
)
