/** Stop reasons, errors, files in messages, structured output and the list of models, in both dialects. */
import { describe, expect } from "bun:test"
import { Effect, Layer, Schema } from "effect"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import { TestClock } from "effect/testing"
import { languageModel } from "../../../layers/models/languageModel.ts"
import { anthropic, start, stop, text } from "../../support/anthropicEvents.ts"
import { it } from "../../support/effect.ts"
import {
  chunk,
  collect,
  done,
  events,
  finished,
  models,
  openai,
  server,
  usage
} from "../../support/models.ts"

const dialects = {
  "Chat Completions": {
    configured: openai,
    respond: (reason: string, said = "Hi") =>
      events([chunk({ content: said }, { finish: reason }), usage(9, 2), done]),
    reasons: {
      stop: "stop",
      length: "length",
      tool_calls: "tool-calls",
      content_filter: "content-filter",
      new_reason: "other"
    },
    error: (message: string, code: string) => ({ error: { message, code } })
  },
  "Anthropic's Messages": {
    configured: anthropic,
    respond: (reason: string, said = "Hi") =>
      events([
        start({ input_tokens: 9, output_tokens: 1 }),
        ...text(said),
        ...stop(reason, { output_tokens: 2 })
      ]),
    reasons: {
      end_turn: "stop",
      stop_sequence: "stop",
      max_tokens: "length",
      tool_use: "tool-calls",
      pause_turn: "pause",
      refusal: "content-filter",
      new_reason: "other"
    },
    error: (message: string, type: string) => ({ type: "error", error: { type, message } })
  }
} as const

for (const [name, { configured, error, reasons, respond }] of Object.entries(dialects)) {
  const ok = Object.keys(reasons)[0] ?? ""

  describe(name, () => {
    it.live("have stop reasons in the same terms", () =>
      Effect.gen(function* () {
        const sent = Object.keys(reasons)
        const { url } = yield* server(() => respond(sent.shift() ?? ""))
        yield* Effect.gen(function* () {
          for (const reason of Object.values(reasons)) {
            expect((yield* collect()).finish).toMatchObject({ reason })
          }
        }).pipe(Effect.provide(models(configured(url))))
      })
    )

    const failures: ReadonlyArray<readonly [number, string, string, string]> = [
      [401, "invalid key", "authentication_error", "auth"],
      [
        400,
        "prompt is too long: 210000 tokens > 200000 maximum",
        "invalid_request_error",
        "context_too_long"
      ],
      [400, "Your credit balance is too low", "invalid_request_error", "quota"],
      [404, "no such model", "not_found_error", "invalid"]
    ]
    for (const [status, message, type, reason] of failures) {
      it.live(`fail with ${reason} at ${status} "${message}", without a retry and without a charge`, () =>
        Effect.gen(function* () {
          const { requests, url } = yield* server(() => Response.json(error(message, type), { status }))
          yield* Effect.gen(function* () {
            const ended = yield* finished
            expect((yield* collect()).error).toMatchObject({ reason, status })
            expect(requests).toHaveLength(1)
            expect(ended[0]?.outcome.spent).not.toHaveProperty("usage")
          }).pipe(Effect.provide(models(configured(url))))
        })
      )
    }

    it.live("retry an overloaded provider after its retry-after", () =>
      Effect.gen(function* () {
        let count = 0
        const busy = () =>
          Response.json(error("Overloaded", "overloaded_error"), {
            status: 529,
            headers: { "retry-after-ms": "3" }
          })
        const { requests, url } = yield* server(() => (count++ === 0 ? busy() : respond(ok)))
        expect((yield* Effect.provide(collect(), models(configured(url)))).text).toBe("Hi")
        expect(requests).toHaveLength(2)
      })
    )

    it.live("return an object of a schema", () =>
      Effect.gen(function* () {
        const { requests, url } = yield* server(() => respond(ok, '{"city":"Paris"}'))
        const schema = Schema.Struct({ city: Schema.String })
        const asked = LanguageModel.generateObject({ prompt: "weather", schema, objectName: "weather" })
        const program = Layer.effect(LanguageModel.LanguageModel, languageModel()).pipe(
          Layer.provide(models(configured(url)))
        )
        expect((yield* Effect.provide(asked, program)).value).toEqual({ city: "Paris" })
        expect(JSON.stringify(requests[0]?.body)).toContain('"json_schema"')
      })
    )

    it.effect("request the list of models once an hour at most", () =>
      Effect.gen(function* () {
        const { lists, url } = yield* server(() => respond(ok), ["gpt-4o", "claude-test", "other"])
        const listed = () => lists.filter((path) => path.endsWith("/models")).length
        yield* Effect.gen(function* () {
          yield* collect()
          yield* collect({ model: "other" })
          expect((yield* collect({ model: "absent" })).error).toMatchObject({ reason: "invalid" })
          expect(listed()).toBe(1)
          yield* TestClock.adjust("61 minutes")
          yield* collect({ model: "absent" })
          expect(listed()).toBe(2)
        }).pipe(Effect.provide(models(configured(url))))
      })
    )
  })
}

const files: Prompt.MessageEncoded = {
  role: "user",
  content: [
    { type: "text", text: "What is this?" },
    { type: "text", text: "" },
    { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2, 3]) },
    { type: "file", mediaType: "image/png", data: new URL("https://files.example/a.png") },
    {
      type: "file",
      mediaType: "application/pdf",
      fileName: "a.pdf",
      data: "data:application/pdf;base64,AQID"
    }
  ]
}

describe("files in a message", () => {
  const sent = (configured: (url: string) => Record<string, unknown>, response: () => Response) =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(response)
      const prompt = Prompt.make([files])
      const { error } = yield* Effect.provide(collect({ prompt }), models(configured(url)))
      expect(error).toBeUndefined()
      const body = requests[0]?.body as {
        readonly messages: ReadonlyArray<{ readonly content: unknown }>
      }
      return body.messages[0]?.content
    })

  it.live("are URLs and data URLs of Chat Completions", () =>
    Effect.gen(function* () {
      const { respond } = dialects["Chat Completions"]
      expect(yield* sent(openai, () => respond("stop"))).toEqual([
        { type: "text", text: "What is this?" },
        { type: "image_url", image_url: { url: "data:image/png;base64,AQID" } },
        { type: "image_url", image_url: { url: "https://files.example/a.png" } },
        { type: "file", file: { file_data: "data:application/pdf;base64,AQID", filename: "a.pdf" } }
      ])
    })
  )

  it.live("are images and documents of Anthropic", () =>
    Effect.gen(function* () {
      const { respond } = dialects["Anthropic's Messages"]
      expect(yield* sent(anthropic, () => respond("end_turn"))).toEqual([
        { type: "text", text: "What is this?" },
        { type: "image", source: { type: "base64", data: "AQID", media_type: "image/png" } },
        { type: "image", source: { type: "url", url: "https://files.example/a.png" } },
        { type: "document", source: { type: "base64", data: "AQID", media_type: "application/pdf" } }
      ])
    })
  )
})
