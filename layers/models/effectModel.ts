/** Makes a `LanguageModel` of `effect/ai` whose calls are those of `Models`. */
import { Duration, Effect, Stream } from "effect"
import * as AiError from "effect/ai/AiError"
import { toCodecAnthropic } from "effect/ai/AnthropicStructuredOutput"
import * as LanguageModel from "effect/ai/LanguageModel"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import type * as Response from "effect/ai/Response"
import { ModelError } from "./ModelError.ts"
import type { Choice, ModelFailure } from "./ModelRequest.ts"
import { rememberFailure } from "./modelFailures.ts"
import type { Models } from "./Models.ts"

const reasonOf = (failure: ModelFailure): AiError.AiErrorReason => {
  const description = failure.message
  if (!(failure instanceof ModelError)) return new AiError.UnknownError({ description })
  const { reason, transient } = failure
  const retryAfter =
    transient?.retryAfter === undefined ? {} : { retryAfter: Duration.millis(transient.retryAfter) }
  switch (reason) {
    case "auth":
      return new AiError.AuthenticationError({ kind: "Unknown", description })
    case "quota":
      return new AiError.QuotaExhaustedError({})
    case "rate_limited":
      return new AiError.RateLimitError(retryAfter)
    case "overloaded":
    case "network":
      return new AiError.InternalProviderError({ description, ...retryAfter })
    case "content_filter":
      return new AiError.ContentPolicyError({ description })
    case "invalid":
    case "context_too_long":
      return new AiError.InvalidRequestError({ description })
    case "bug":
      return new AiError.InvalidOutputError({ description })
  }
}

const toAiError = (method: string) => (failure: ModelFailure) =>
  rememberFailure(AiError.make({ module: "manifold", method, reason: reasonOf(failure) }), failure)

/** Converts the parts of a stream to those of a complete response. */
const toWhole = (parts: ReadonlyArray<Response.StreamPartEncoded>): Array<Response.PartEncoded> => {
  const whole: Array<Response.PartEncoded> = []
  let text = ""
  for (const part of parts) {
    switch (part.type) {
      case "text-start":
      case "reasoning-start":
        text = ""
        break
      case "text-delta":
      case "reasoning-delta":
        text += part.delta
        break
      case "text-end":
        whole.push({ type: "text", text })
        break
      case "reasoning-end":
        whole.push({
          type: "reasoning",
          text,
          ...(part.metadata !== undefined && { metadata: part.metadata })
        })
        break
      case "tool-call":
      case "response-metadata":
      case "finish":
        whole.push(part)
        break
      default:
        break
    }
  }
  return whole
}

export const make = (models: Models["Service"], choice: Choice) => {
  const { active, providers } = models
  const name = choice.provider ?? active
  const provider = providers.find((each) => each.name === name) ?? providers[0]
  const request = ({ prompt, responseFormat, toolChoice, tools }: LanguageModel.ProviderOptions) =>
    models.stream({ ...choice, prompt, responseFormat, toolChoice, tools })
  return LanguageModel.make({
    codecTransformer: provider?.dialect === "anthropic" ? toCodecAnthropic : toCodecOpenAI,
    generateText: (options) =>
      Stream.runCollect(request(options)).pipe(
        Effect.mapBoth({ onFailure: toAiError("generateText"), onSuccess: toWhole })
      ),
    streamText: (options) => Stream.mapError(request(options), toAiError("streamText"))
  })
}
