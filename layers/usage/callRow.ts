/** Rows of the ledger: principal, usage, cost and outcome of each call. */
import type { Call, Outcome } from "../ledger/Calls.ts"
import type { Spent } from "../ledger/Spend.ts"
import { storedText as text } from "../storage/rows.ts"
import { unitsOf } from "./money.ts"

export const hourLength = 3_600_000

/** Hours since the epoch. */
export const hourOf = (millis: number): number => Math.floor(millis / hourLength)

/** The principal and client of the call; unknown texts are empty. */
export interface CallIdentity {
  /** When it began, in milliseconds since the epoch. */
  readonly at: number
  readonly request_id: string
  readonly kind: string
  readonly name: string
  /** The tool that made the call, or the tool itself. */
  readonly tool: string
  readonly source: string
  readonly principal: string
  readonly client: string
  readonly session: string
  readonly conversation: string
}

/** Token counts of a call; totals include their parts. */
export interface Tokens {
  readonly input_tokens: number
  readonly output_tokens: number
  readonly total_tokens: number
  readonly cached_input_tokens: number
  readonly cache_write_input_tokens: number
  readonly reasoning_tokens: number
}

export interface CallRow extends CallIdentity, Tokens {
  readonly id: string
  readonly provider: string
  readonly model: string
  /** In units of 1e-12 USD. */
  readonly cost: bigint
  /** 1: the price is unknown, and the cost a lower bound. */
  readonly unpriced: number
  /** 1: the cost is estimated, not reported by the provider. */
  readonly uncertain: number
  readonly time_to_first_token_ms: number | null
  readonly latency_ms: number | null
  /** `Outcome`'s status, `lost` for a call whose process ended, or empty while it is not known. */
  readonly outcome: string
  readonly error_class: string
}

export const tokenNames = [
  "input_tokens",
  "output_tokens",
  "total_tokens",
  "cached_input_tokens",
  "cache_write_input_tokens",
  "reasoning_tokens"
] as const satisfies ReadonlyArray<keyof Tokens>

const toolOf = (call: Call): string => {
  for (let each: Call | undefined = call; each !== undefined; each = each.parent) {
    if (each.kind === "tool") return each.name
  }
  return ""
}

export const identityOf = (call: Call, at: number): CallIdentity => ({
  at,
  request_id: text(call.requestId),
  kind: call.kind,
  name: text(call.name),
  tool: text(toolOf(call)),
  source: call.principal.source,
  principal: text(call.principal.subject),
  client: text(call.principal.clientId),
  session: text(call.session),
  conversation: text(call.conversation)
})

const count = (value: number | undefined): number =>
  value !== undefined && value > 0 ? Math.min(Math.floor(value), 2 ** 40) : 0

/** Providers have reported more cached than input tokens, and sums that do not add up: a part is never more than its whole. */
export const tokensOf = ({ usage = {} }: Pick<Spent, "usage">): Tokens => {
  const input = count(usage.input_tokens)
  const output = count(usage.output_tokens)
  const cached = Math.min(count(usage.cached_input_tokens), input)
  return {
    input_tokens: input,
    output_tokens: output,
    total_tokens: Math.max(count(usage.total_tokens), input + output),
    cached_input_tokens: cached,
    cache_write_input_tokens: Math.min(count(usage.cache_write_input_tokens), input - cached),
    reasoning_tokens: Math.min(count(usage.reasoning_tokens), output)
  }
}

/** The row of a call so far. */
export interface Known {
  readonly id: string
  readonly identity: CallIdentity
  readonly spent: Spent | undefined
  readonly outcome: Outcome | undefined
  /** Milliseconds. */
  readonly duration: number | undefined
}

export const callRow = ({ duration, id, identity, outcome, spent }: Known): CallRow => ({
  id,
  ...identity,
  provider: text(spent?.provider),
  model: text(spent?.model ?? (identity.kind === "model" ? identity.name : undefined)),
  ...tokensOf(spent ?? {}),
  cost: spent === undefined ? 0n : unitsOf(spent.usd),
  unpriced: spent?.unpriced === true ? 1 : 0,
  uncertain: spent?.uncertain === true ? 1 : 0,
  time_to_first_token_ms: spent?.timeToFirstToken ?? null,
  latency_ms: duration ?? null,
  outcome: outcome?.status ?? "",
  error_class: text(outcome !== undefined && "errorClass" in outcome ? outcome.errorClass : undefined)
})
