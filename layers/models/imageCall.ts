/** Makes one image: a call under Guard with one charge. */
import { Cause, Clock, Effect, Exit, Option } from "effect"
import type { ImageRequest, MadeImage } from "./Adapter.ts"
import { chargeOf, guardedCall, spend, type Used } from "./guardedCall.ts"
import { imageTokens } from "./imageTokens.ts"
import { ModelError } from "./ModelError.ts"
import { fromSdk } from "./sdkErrors.ts"
import { usageOf } from "./usage.ts"
import type { Called } from "./textCall.ts"

/** Tokens that a provider adds to the prompt. */
const overhead = 16

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
  // A token has at least one byte.
  const inputTokens = Buffer.byteLength(request.prompt) + overhead
  const mostTokens = imageTokens(request)
  const planned = { provider: name, model, baseUrl, inputTokens, maxOutputTokens: mostTokens }
  const byTokens = yield* spine.prices.upperBound(planned)
  const bound = Option.orElse(yield* spine.prices.upperBound({ ...planned, images: 1 }), () => byTokens)

  const byNumber = yield* spine.prices.cost({ provider: name, model, baseUrl, usage: {}, images: 1 })
  const isByTokens = Option.isNone(byNumber) && Option.isSome(byTokens)

  /** A request without a response may have made the image, so its upper bound is charged. */
  const most = usageOf(inputTokens, mostTokens, undefined)

  const usedBy = (exit: Exit.Exit<MadeImage, ModelError>): Used => {
    if (Exit.isFailure(exit)) return { uncertain: true, images: 1, usage: most }
    const { usage: reported } = exit.value
    if (reported === undefined) {
      return isByTokens ? { uncertain: true, images: 1, usage: most } : { uncertain: false, images: 1 }
    }
    const { doubtful, input, output } = reported
    // No image takes no tokens.
    return {
      images: 1,
      uncertain: doubtful || !output,
      usage: usageOf(input ?? inputTokens, output || mostTokens, reported)
    }
  }

  const attempt = Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const settle = Effect.fnUntraced(function* (exit: Exit.Exit<MadeImage, ModelError>) {
      const error = Exit.isFailure(exit)
        ? Option.getOrUndefined(Cause.findErrorOption(exit.cause))
        : undefined
      const unbilled = error?.status !== undefined || error?.sent === false
      yield* spend(yield* chargeOf(spine, provider, model, unbilled ? { uncertain: false } : usedBy(exit)))
    })
    return yield* Effect.tryPromise({
      try: (signal) => image(request, signal),
      catch: (error) => fromSdk(provider, model, clock.currentTimeMillisUnsafe())(error)
    }).pipe(Effect.onExit(settle))
  })
  return yield* guardedCall(spine, provider, model, provider.imageTimeLimit, bound, attempt)
})
