/** Reads the last part of a response: provider and model, stop reason, tokens and cost. */
import type * as Response from "effect/ai/Response"

export interface Finished {
  readonly provider: string
  readonly model: string
  /** In the terms of `effect/ai`: `stop`, `length`, `content-filter`, `tool-calls`, `error`, `other`, `unknown`. */
  readonly stop_reason: string
  readonly usage: {
    readonly input_tokens: number
    readonly output_tokens: number
    readonly total_tokens: number
    readonly cached_input_tokens: number
    readonly cache_write_input_tokens: number
    readonly reasoning_tokens: number
  }
  /** In USD, an exact decimal; null if the price is unknown. */
  readonly cost_usd: string | null
  /** Whether usage and cost are estimates. */
  readonly uncertain: boolean
}

/** Absent: the response ended without its last part. */
export const finished = (part: Response.FinishPartEncoded | undefined): Finished => {
  const said = Object(part?.metadata?.["manifold"]) as Readonly<Record<string, unknown>>
  const input = part?.usage.inputTokens
  const output = part?.usage.outputTokens
  return {
    provider: String(said["provider"] ?? ""),
    model: String(said["model"] ?? ""),
    stop_reason: part?.reason ?? "unknown",
    usage: {
      input_tokens: input?.total ?? 0,
      output_tokens: output?.total ?? 0,
      total_tokens: (input?.total ?? 0) + (output?.total ?? 0),
      cached_input_tokens: input?.cacheRead ?? 0,
      cache_write_input_tokens: input?.cacheWrite ?? 0,
      reasoning_tokens: output?.reasoning ?? 0
    },
    cost_usd: typeof said["cost_usd"] === "string" ? said["cost_usd"] : null,
    uncertain: said["uncertain"] === true
  }
}
