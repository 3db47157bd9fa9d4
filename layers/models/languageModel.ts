/** Configured models as the `LanguageModel` of `effect/ai`; its modules are loaded with the first one. */
import { Effect } from "effect"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type { Choice } from "./ModelRequest.ts"
import { Models } from "./Models.ts"

/**
 * The `LanguageModel` for a choice of provider, model and sampling. Its calls are those of `Models.stream`: guarded,
 * charged once, with fallbacks if the choice names no model. `failureOf` returns the cause of an `AiError`.
 */
export const languageModel = (
  choice: Choice = {}
): Effect.Effect<LanguageModel.LanguageModel, never, Models> =>
  Effect.gen(function* () {
    const { make } = yield* Effect.promise(() => import("./effectModel.ts"))
    return yield* make(yield* Models, choice)
  })
