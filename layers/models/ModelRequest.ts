/** Requests to models, and the errors of model calls. */
import type * as Prompt from "effect/ai/Prompt"
import type { GuardRejection, TimedOut } from "../guard/GuardError.ts"
import type { TextRequest } from "./Adapter.ts"
import type { ModelError } from "./ModelError.ts"

/** Choices of a caller; all other settings are the provider's. */
export interface Choice {
  /** As the configuration names it. Default: the active provider, or the one that has the model. */
  readonly provider?: string | undefined
  readonly model?: string | undefined
  readonly temperature?: number | undefined
  readonly maxTokens?: number | undefined
  readonly topP?: number | undefined
}

export interface ModelRequest
  extends Choice, Partial<Pick<TextRequest, "responseFormat" | "toolChoice" | "tools">> {
  /** Text, or messages. Those of a `Prompt` are not validated again. */
  readonly prompt: Prompt.RawInput
}

export interface NewImage {
  /** As the configuration names it. Default: the active provider if it makes images, else the first one that does. */
  readonly provider?: string | undefined
  readonly model?: string | undefined
  readonly prompt: string
  readonly size: string
  readonly quality: string
  /** JPEG images take a quarter of the space. */
  readonly format: "png" | "jpeg"
}

export type ModelFailure = ModelError | GuardRejection | TimedOut
