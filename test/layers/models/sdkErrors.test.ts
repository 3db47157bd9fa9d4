/** Errors of providers as one typed error: reason, retry-after, and no key in the text. */
import { describe, expect, test } from "bun:test"
import { Redacted } from "effect"
import Anthropic from "@anthropic-ai/sdk"
import OpenAI from "openai"
import { fromEnvironment, type Provider } from "../../../layers/models/Provider.ts"
import { fromSdk } from "../../../layers/models/sdkErrors.ts"

const [provider] = fromEnvironment((name) => (name === "OPENAI_API_KEY" ? "sk-secret-key" : undefined))

const at = Date.parse("2026-11-26T12:00:00Z")
const translate = (error: unknown) => fromSdk(provider as Provider, "m", at)(error)

const openai = (status: number, error: object, headers: Record<string, string> = {}) =>
  OpenAI.APIError.generate(status, { error }, undefined, new Headers(headers))
const anthropic = (status: number, type: string, message: string) =>
  Anthropic.APIError.generate(status, { type: "error", error: { type, message } }, undefined, new Headers())

describe("reasons", () => {
  const cases: ReadonlyArray<readonly [unknown, string]> = [
    [openai(401, { message: "Incorrect API key provided", code: "invalid_api_key" }), "auth"],
    [openai(403, { message: "Country not supported" }), "auth"],
    [openai(404, { message: "The model does not exist", code: "model_not_found" }), "invalid"],
    [openai(429, { message: "You exceeded your current quota", code: "insufficient_quota" }), "quota"],
    [openai(429, { message: "Rate limit reached", code: "rate_limit_exceeded" }), "rate_limited"],
    [openai(400, { message: "Too long", code: "context_length_exceeded" }), "context_too_long"],
    [openai(400, { message: "This model's maximum context length is 8192 tokens" }), "context_too_long"],
    [openai(413, { message: "Request too large for model" }), "context_too_long"],
    [openai(400, { message: "flagged", code: "content_policy_violation" }), "content_filter"],
    [openai(400, { message: "Rejected by the safety system", code: "moderation_blocked" }), "content_filter"],
    [openai(400, { message: "Unsupported value: 'temperature'" }), "invalid"],
    [openai(500, { message: "boom" }), "overloaded"],
    [openai(503, { message: "no capacity" }), "overloaded"],
    [anthropic(529, "overloaded_error", "Overloaded"), "overloaded"],
    [anthropic(401, "authentication_error", "invalid x-api-key"), "auth"],
    [anthropic(400, "invalid_request_error", "Your credit balance is too low"), "quota"],
    [
      anthropic(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000"),
      "context_too_long"
    ],
    [anthropic(413, "request_too_large", "Request exceeds the maximum size"), "context_too_long"],
    [Object.assign(new TypeError("fetch failed"), { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }), "network"],
    [new TypeError("undefined is not an object (evaluating 'socket.x')"), "bug"],
    [openai(400, { message: "A constructor", code: "constructor" }), "invalid"],
    [Object.assign(new Error("closed"), { code: "ECONNRESET" }), "network"],
    [new SyntaxError("Unexpected token"), "bug"],
    ["nonsense", "bug"]
  ]
  for (const [error, reason] of cases) {
    test(`${error instanceof Error ? error.message : String(error)} is ${reason}`, () => {
      const translated = translate(error)
      expect(translated.reason as string).toBe(reason)
      expect(translated.transient !== undefined).toBe(
        ["rate_limited", "overloaded", "network"].includes(reason)
      )
    })
  }
})

describe("retry-after", () => {
  const cases: ReadonlyArray<readonly [Record<string, string>, number]> = [
    [{ "retry-after": "7" }, 7000],
    [{ "retry-after-ms": "250", "retry-after": "7" }, 250],
    [{ "retry-after": "Thu, 26 Nov 2026 12:00:30 GMT" }, 30_000],
    [{ "retry-after": "Thu, 26 Nov 2026 11:00:00 GMT" }, 0]
  ]
  for (const [headers, retryAfter] of cases) {
    test(`${JSON.stringify(headers)} is ${retryAfter} ms`, () => {
      expect(translate(openai(429, { message: "slow down" }, headers)).transient).toEqual({ retryAfter })
    })
  }
  test("that cannot be read is absent", () => {
    expect(translate(openai(429, { message: "slow down" }, { "retry-after": "soon" })).transient).toEqual({})
  })
})

test("a refused connection was not sent, so that nothing is charged", () => {
  expect(translate(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }))).toMatchObject({
    sent: false
  })
})

test("the key is in no message", () => {
  const key = Redacted.value(provider?.key ?? Redacted.make(""))
  const { message } = translate(openai(401, { message: `Incorrect API key provided: ${key}` }))
  expect(message).not.toContain(key)
  expect(message).toContain("OPENAI_API_KEY")
})

test("values of configured headers are in no message, whole or in part", () => {
  const headers = { "x-api-key": Redacted.make("top-secret"), "x-proxy": Redacted.make("Bearer abc-def-123") }
  const proxied = { ...(provider as Provider), headers }
  const message = "top-secret is wrong, abc-def-123 too"
  const error = fromSdk(proxied, "m", at)(openai(400, { message }))
  expect(error.detail).toBe("[secret] is wrong, [secret] too")
})

test("an error that contains itself as its cause ends", () => {
  const error: Error & { cause?: unknown } = new Error("loop")
  error.cause = error
  expect(translate(error).reason).toBe("bug")
})
