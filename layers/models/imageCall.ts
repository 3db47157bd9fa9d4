/** Makes one image: a call under Guard with one charge. */
import { Cause, Clock, Effect, Exit, Option } from "effect"
import type { ImageRequest, MadeImage } from "./Adapter.ts"
import { chargeOf, guardedCall, spend } from "./guardedCall.ts"
import { ModelError } from "./ModelError.ts"
import { fromSdk } from "./sdkErrors.ts"
import { tokensOf } from "./Seen.ts"
import type { Called } from "./textCall.ts"

/** Maximum output tokens of one image. */
const mostTokens = 8192

export const imageCall = Effect.fnUntraced(function* (
  { adapter, provider, spine }: Called,
  request: ImageRequest
) {
  const { baseUrl, name } = provider
  const { model } = request
  const { image } = adapter
  if (image === undefined) {
    return yield* new ModelError({
      reason: "invalid",
      provider: name,
      model,
      detail: "this provider makes no images",
      remedy: `Use another provider, or set llm.providers.${name}.image_model if the server makes images.`
    })
  }
  const inputTokens = tokensOf(Buffer.byteLength(request.prompt)) + 16
  const planned = { provider: name, model, baseUrl, inputTokens, maxOutputTokens: mostTokens }
  const byTokens = yield* spine.prices.upperBound(planned)
  const bound = Option.orElse(yield* spine.prices.upperBound({ ...planned, images: 1 }), () => byTokens)

  const attempt = Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const settle = Effect.fnUntraced(function* (exit: Exit.Exit<MadeImage, ModelError>) {
      const error = Exit.isFailure(exit)
        ? Option.getOrUndefined(Cause.findErrorOption(exit.cause))
        : undefined
      const { usage } = Exit.isSuccess(exit) ? exit.value : {}
      const unbilled = error?.status !== undefined || error?.sent === false
      const total = inputTokens + mostTokens
      // A request without a response may have made the image, so its upper bound is charged.
      const assumed = {
        input_tokens: inputTokens,
        output_tokens: mostTokens,
        total_tokens: total,
        cached_input_tokens: 0,
        cache_write_input_tokens: 0,
        reasoning_tokens: 0
      }
      yield* spend(
        yield* chargeOf(
          spine,
          provider,
          model,
          unbilled
            ? { uncertain: false }
            : Exit.isSuccess(exit)
              ? { uncertain: false, images: 1, usage }
              : { uncertain: true, images: 1, usage: assumed }
        )
      )
    })
    return yield* Effect.tryPromise({
      try: (signal) => image(request, signal),
      catch: (error) => fromSdk(provider, model, clock.currentTimeMillisUnsafe())(error)
    }).pipe(Effect.onExit(settle))
  })
  return yield* guardedCall(spine, provider, model, provider.imageTimeLimit, bound, attempt)
})
