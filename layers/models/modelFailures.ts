/** Causes of each `AiError` of a model: `LanguageModel` of `effect/ai` fails with `AiError` only. */
import type * as AiError from "effect/ai/AiError"
import type { ModelFailure } from "./ModelRequest.ts"

const failures = new WeakMap<AiError.AiError, ModelFailure>()

export const rememberFailure = (error: AiError.AiError, failure: ModelFailure): AiError.AiError => {
  failures.set(error, failure)
  return error
}

/** The cause: an error of the provider, a limit of Guard, or the budget. */
export const failureOf = (error: AiError.AiError): ModelFailure | undefined => failures.get(error)
