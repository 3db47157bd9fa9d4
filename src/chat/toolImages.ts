/** Images in results of tools, for models that do not accept them. */
import { Effect } from "effect"
import type * as Prompt from "effect/ai/Prompt"
import { ModelError } from "../../layers/models/ModelError.ts"
import type { TurnError } from "./ChatRefusal.ts"

type Messages = ReadonlyArray<Prompt.Message>

const hasImages = (part: Prompt.ToolMessagePart): boolean =>
  part.type === "tool-result" && part.modelOutput !== undefined

/** Undefined: no result has an image. Their texts say that there was one. */
const withoutToolImages = (messages: Messages): Messages | undefined => {
  if (!messages.some((message) => message.role === "tool" && message.content.some(hasImages)))
    return undefined
  return messages.map((message) =>
    message.role === "tool"
      ? {
          ...message,
          content: message.content.map((part) => {
            if (part.type !== "tool-result") return part
            const { modelOutput: _, ...rest } = part
            return rest
          })
        }
      : message
  )
}

/** Most models that are remembered. */
const most = 1000

/** Models that answer only without the images of tools. */
export class ImageRefusals {
  readonly #models = new Set<string>()

  has(model: string): boolean {
    return this.#models.has(model)
  }

  add(model: string) {
    if (this.#models.size >= most) this.#models.clear()
    this.#models.add(model)
  }
}

/** The provider refused the request itself, which may be because of its images. */
const isRefusal = (error: TurnError): boolean =>
  error instanceof ModelError && error.reason === "invalid" && error.status !== undefined

/** `model`: a key of provider and model. A model that refuses the images is asked again without them. */
export const askWithImages = <A, E extends TurnError>(
  refusals: ImageRefusals,
  model: string,
  messages: Messages,
  ask: (messages: Messages) => Effect.Effect<A, E>
): Effect.Effect<A, E> => {
  const texts = withoutToolImages(messages)
  if (texts === undefined) return ask(messages)
  if (refusals.has(model)) return ask(texts)
  return Effect.catchIf(ask(messages), isRefusal, () =>
    Effect.tap(ask(texts), () => Effect.sync(() => refusals.add(model)))
  )
}
