/** Interface of a provider adapter, the same for all dialects. */
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import type { Reported } from "./usage.ts"

/** One request for text. */
export interface TextRequest extends Pick<
  LanguageModel.ProviderOptions,
  "prompt" | "responseFormat" | "toolChoice" | "tools"
> {
  readonly model: string
  readonly temperature: number | undefined
  readonly maxTokens: number | undefined
  readonly topP: number | undefined
}

/** Finish reason, in the terms of `effect/ai`. */
export type Finish = typeof Response.FinishReason.Encoded

/** A part of a response, except the last one, which is made when the response has ended. */
export type Part = Exclude<Response.StreamPartEncoded, Response.FinishPartEncoded | Response.ErrorPartEncoded>

/** Receives a response as it arrives. */
export interface Sink {
  /** Buffers the part until the next flush. Parts are in order. */
  readonly emit: (part: Part) => void
  /** Passes the buffered parts on, once per read. Await a returned promise: the reader is slow. */
  readonly flush: () => Promise<void> | undefined
  /** Called on each read of the response, also those without a part. */
  readonly alive: () => void
  /** Called with token counts; later reports replace earlier ones, as `merged` does. */
  readonly usage: (reported: Reported) => void
}

export interface ImageRequest {
  readonly model: string
  readonly prompt: string
  readonly size: string
  readonly quality: string
  readonly format: "png" | "jpeg"
}

export interface MadeImage {
  /** Base64. */
  readonly data: string
  readonly mimeType: string
  readonly usage: Reported | undefined
}

/** Promises reject with what the SDK throws; `sdkErrors.ts` translates it. Aborting the signal closes the connection. */
export interface Adapter {
  /** Resolves with the finish reason once the response is complete; a response that stops before its end rejects. */
  readonly text: (request: TextRequest, sink: Sink, signal: AbortSignal) => Promise<Finish>
  /** Ids of all models. */
  readonly models: (signal: AbortSignal) => Promise<ReadonlyArray<string>>
  /** Whether the provider has a model of that id or alias. */
  readonly hasModel: (id: string, signal: AbortSignal) => Promise<boolean>
  readonly image: ((request: ImageRequest, signal: AbortSignal) => Promise<MadeImage>) | undefined
}
