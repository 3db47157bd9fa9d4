/** Converts token counts of providers to the ledger's form. */
import type * as Response from "effect/ai/Response"
import type { Usage } from "../ledger/Spend.ts"

/** Usage, and whether the provider's figures contradict each other and were corrected. */
export interface Reported {
  readonly usage: Required<Usage>
  readonly doubtful: boolean
}

const whole = (value: unknown): number =>
  typeof value === "number" && Number.isFinite(value) && value > 0 ? Math.round(value) : 0

interface Counts {
  /** All of the input. */
  readonly input: unknown
  /** All of the output. */
  readonly output: unknown
  readonly cached?: unknown
  readonly cacheWrite?: unknown
  readonly reasoning?: unknown
}

/** A part that exceeds its total is reduced to it, and the report is doubtful. */
export const reported = ({ cached, cacheWrite, input, output, reasoning }: Counts): Reported => {
  const [inputs, outputs] = [whole(input), whole(output)]
  const read = Math.min(whole(cached), inputs)
  const written = Math.min(whole(cacheWrite), inputs - read)
  const thought = Math.min(whole(reasoning), outputs)
  return {
    usage: {
      input_tokens: inputs,
      output_tokens: outputs,
      total_tokens: inputs + outputs,
      cached_input_tokens: read,
      cache_write_input_tokens: written,
      reasoning_tokens: thought
    },
    doubtful: read !== whole(cached) || written !== whole(cacheWrite) || thought !== whole(reasoning)
  }
}

/** The same for `effect/ai`. */
export const toResponseUsage = (usage: Required<Usage>): typeof Response.Usage.Encoded => ({
  inputTokens: {
    total: usage.input_tokens,
    uncached: usage.input_tokens - usage.cached_input_tokens - usage.cache_write_input_tokens,
    cacheRead: usage.cached_input_tokens,
    cacheWrite: usage.cache_write_input_tokens
  },
  outputTokens: {
    total: usage.output_tokens,
    text: usage.output_tokens - usage.reasoning_tokens,
    reasoning: usage.reasoning_tokens
  }
})
