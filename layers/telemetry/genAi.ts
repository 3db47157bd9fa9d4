/** OpenTelemetry semantic conventions for generative AI: span attributes and metrics of model calls and turns. */
import type { CallKind } from "../ledger/Calls.ts"
import type { Spent, Usage } from "../ledger/Spend.ts"
import { type Histogram, type Metrics, seconds } from "./Metrics.ts"

interface Operation {
  /** `gen_ai.operation.name`; the span's name is this and the entry's name. */
  readonly operation: "chat" | "invoke_agent"
  /** Attribute for the entry's name. */
  readonly key: "gen_ai.request.model" | "gen_ai.agent.name"
  readonly spanKind: "client" | "internal"
}

export const operations = {
  model: { operation: "chat", key: "gen_ai.request.model", spanKind: "client" },
  turn: { operation: "invoke_agent", key: "gen_ai.agent.name", spanKind: "internal" }
} as const satisfies Partial<Record<CallKind, Operation>>

export const operationOf = (kind: CallKind): Operation | undefined =>
  kind === "model" || kind === "turn" ? operations[kind] : undefined

const usageKeys: ReadonlyArray<readonly [keyof Usage, string]> = [
  ["input_tokens", "gen_ai.usage.input_tokens"],
  ["output_tokens", "gen_ai.usage.output_tokens"],
  ["cached_input_tokens", "gen_ai.usage.cache_read.input_tokens"],
  ["cache_write_input_tokens", "gen_ai.usage.cache_creation.input_tokens"],
  ["reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"]
]

/** Span attributes for tokens and model. */
export const spentAttributes = ({
  model,
  usage
}: Spent): ReadonlyArray<readonly [string, string | number]> => {
  const attributes: Array<readonly [string, string | number]> = []
  if (model !== undefined) attributes.push(["gen_ai.response.model", model])
  for (const [name, key] of usageKeys) {
    const count = usage?.[name]
    if (count !== undefined) attributes.push([key, count])
  }
  return attributes
}

/** Buckets for tokens of one operation, as in the conventions. */
const tokens = Array.from({ length: 14 }, (_, index) => 4 ** index)

/** `gen_ai.client.operation.duration` and `gen_ai.client.token.usage` of one model or agent, with Prometheus names. */
export class GenAiInstruments {
  readonly #metrics: Metrics["Service"]
  readonly #labels: Readonly<Record<string, string>>
  readonly #duration: Histogram
  #input: Histogram | undefined
  #output: Histogram | undefined

  constructor(metrics: Metrics["Service"], { key, operation }: Operation, name: string) {
    this.#metrics = metrics
    this.#labels = { gen_ai_operation_name: operation, [key.replaceAll(".", "_")]: name }
    this.#duration = metrics.histogram(
      "gen_ai_client_operation_duration_seconds",
      "Duration of model calls and agent turns.",
      seconds,
      this.#labels
    )
  }

  /** `duration` in seconds. */
  record(duration: number, usage: Usage | undefined) {
    this.#duration.record(duration)
    if (usage?.input_tokens !== undefined) (this.#input ??= this.#tokens("input")).record(usage.input_tokens)
    if (usage?.output_tokens !== undefined)
      (this.#output ??= this.#tokens("output")).record(usage.output_tokens)
  }

  #tokens(type: "input" | "output") {
    return this.#metrics.histogram("gen_ai_client_token_usage", "Tokens per model call.", tokens, {
      ...this.#labels,
      gen_ai_token_type: type
    })
  }
}
