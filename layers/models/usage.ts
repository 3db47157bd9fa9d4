/** Converts token counts of providers to the ledger's form. */
import type * as Response from "effect/ai/Response"
import type { Usage } from "../ledger/Spend.ts"

/** What a provider reported so far. Parts are at most their totals. */
export interface Reported {
  /** All of the input; undefined if the provider reported no valid number. */
  readonly input: number | undefined
  /** All of the output; likewise. */
  readonly output: number | undefined
  readonly cached: number
  readonly cacheWrite: number
  readonly reasoning: number
  /** The figures contradict each other and were corrected, or are no counts. */
  readonly doubtful: boolean
}

/** No call has more tokens; larger figures are errors. */
const most = 2 ** 31 - 1

/** A valid count; undefined for anything else. */
export const countOf = (value: unknown): number | undefined =>
  typeof value === "number" && value >= 0 && value <= most ? Math.round(value) : undefined

const isPresent = (value: unknown): boolean => value !== undefined && value !== null

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
export const reported = (counts: Counts): Reported => {
  const [input, output] = [countOf(counts.input), countOf(counts.output)]
  const part = (value: unknown, total: number | undefined) => Math.min(countOf(value) ?? 0, total ?? most)
  const cached = part(counts.cached, input)
  const cacheWrite = part(counts.cacheWrite, input === undefined ? undefined : input - cached)
  const reasoning = part(counts.reasoning, output)
  const isCorrected = (value: unknown, kept: number) => isPresent(value) && value !== kept
  return {
    input,
    output,
    cached,
    cacheWrite,
    reasoning,
    doubtful:
      input === undefined ||
      output === undefined ||
      isCorrected(counts.cached, cached) ||
      isCorrected(counts.cacheWrite, cacheWrite) ||
      isCorrected(counts.reasoning, reasoning)
  }
}

/**
 * The later report counts, because some providers report sums repeatedly. It cannot take back a number: where it has
 * zero or none, the earlier one is kept.
 */
export const merged = (earlier: Reported | undefined, later: Reported): Reported => {
  if (earlier === undefined) return later
  const keepInput = !later.input && earlier.input !== undefined
  const keepOutput = !later.output && earlier.output !== undefined
  const [ofInput, ofOutput] = [keepInput ? earlier : later, keepOutput ? earlier : later]
  return {
    input: ofInput.input,
    output: ofOutput.output,
    cached: ofInput.cached,
    cacheWrite: ofInput.cacheWrite,
    reasoning: ofOutput.reasoning,
    doubtful:
      ofInput.doubtful ||
      ofOutput.doubtful ||
      ofInput.input !== later.input ||
      ofOutput.output !== later.output
  }
}

/** Usage with these totals. Reported parts are at most their totals. */
export const usageOf = (
  input: number,
  output: number,
  parts: Partial<Reported> | undefined
): Required<Usage> => {
  const cached = Math.min(parts?.cached ?? 0, input)
  return {
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
    cached_input_tokens: cached,
    cache_write_input_tokens: Math.min(parts?.cacheWrite ?? 0, input - cached),
    reasoning_tokens: Math.min(parts?.reasoning ?? 0, output)
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
