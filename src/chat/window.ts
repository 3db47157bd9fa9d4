/** Chooses the part of a conversation that fits into a request to a model. */
import { Effect } from "effect"
import * as Prompt from "effect/ai/Prompt"
import type { Tokens } from "../../layers/ledger/Tokens.ts"
import type { Unit } from "./units.ts"
import { ChatRefusal } from "./ChatRefusal.ts"

export interface WindowSettings {
  /** Tokens of the messages of a request, and of the answer. Definitions of tools are not counted. */
  readonly max_tokens: number
  /** Tokens kept free for the answer. */
  readonly reserve_tokens: number
  /** Latest units that are kept as long as they fit. */
  readonly preserve_recent: number
}

export interface Window {
  readonly messages: ReadonlyArray<Prompt.Message>
  /** Units that were left out. */
  readonly dropped: number
}

/** Tokens that providers add to each message. */
const perMessage = 4
/** Units whose tokens are counted at the same time. */
const countedAtOnce = 32
/** Tokens of an image, about. */
const perImage = 1000

/** Units are made for each request, so counts are kept by conversation position and model. */
export class TokenCounts {
  readonly #counts = new Map<string, number>()

  get(key: string): number | undefined {
    return this.#counts.get(key)
  }

  /** Bounded: the oldest count is forgotten first. */
  set(key: string, count: number) {
    this.#counts.set(key, count)
    if (this.#counts.size <= 100_000) return
    const [oldest] = this.#counts.keys()
    if (oldest !== undefined) this.#counts.delete(oldest)
  }
}

export interface WindowOptions {
  readonly conversation: string
  readonly model: string
  readonly settings: WindowSettings
  readonly system: string | undefined
  readonly units: ReadonlyArray<Unit>
  /** Of the turn that runs; its units are never dropped. */
  readonly requestId: string
  /** Maximum bytes of all texts; that of the current turn is checked by the model's call. */
  readonly maxBytes: number
}

/** `debug`: the arithmetic is logged. */
export const makeWindow = (tokens: Tokens["Service"], counts: TokenCounts, debug: boolean) => {
  const count = Effect.fnUntraced(function* (key: string, model: string, text: string) {
    const { tokens: counted } = yield* tokens.count(model, text)
    counts.set(key, counted)
    return counted
  })

  return Effect.fnUntraced(function* ({
    conversation,
    maxBytes,
    model,
    requestId,
    settings,
    system,
    units
  }: WindowOptions) {
    const { max_tokens, preserve_recent, reserve_tokens } = settings
    const room = max_tokens - reserve_tokens
    const whole = (kept: ReadonlyArray<Unit>) => [
      ...(system === undefined ? [] : [Prompt.systemMessage({ content: system })]),
      ...kept.flatMap(({ messages }) => messages)
    ]
    // Without its tool results, the same unit is shorter.
    const keyOf = ({ seq, text }: Unit) => `${conversation}/${seq}/${text.length}/${model}`
    // A token has at least one byte, so what was not counted yet needs no count as long as its bytes fit.
    const systemBytes = Buffer.byteLength(system ?? "")
    let most = systemBytes + perMessage
    let texts = systemBytes
    for (const { bytes, images, messages } of units) {
      most += bytes + messages.length * perMessage + images * perImage
      texts += bytes + 1
    }
    if (most > room) {
      for (const unit of units) most -= unit.bytes - (counts.get(keyOf(unit)) ?? unit.bytes)
    }
    if (most <= room && texts <= maxBytes && !debug) {
      return { messages: whole(units), dropped: 0 } satisfies Window
    }
    const fixed =
      system === undefined
        ? 0
        : (counts.get(`system/${model}`) ?? (yield* count(`system/${model}`, model, system))) + perMessage
    /** Counts the units before `end` at once, so that the tokenizer never waits. */
    const countBefore = (end: number) =>
      Effect.forEach(
        units.slice(Math.max(0, end - countedAtOnce), end).toReversed(),
        (unit) =>
          counts.get(keyOf(unit)) === undefined ? count(keyOf(unit), model, unit.text) : Effect.void,
        { concurrency: "unbounded", discard: true }
      )
    let used = fixed
    let usedBytes = systemBytes
    let first = units.length
    while (first > 0) {
      const unit = units[first - 1]
      if (unit === undefined) break
      const key = keyOf(unit)
      if (counts.get(key) === undefined) yield* countBefore(first)
      const counted = counts.get(key) ?? 0
      const size = counted + unit.messages.length * perMessage + unit.images * perImage
      const isCurrent = unit.requestId === requestId
      const isRecent = units.length - first < preserve_recent
      const limit = isCurrent || isRecent ? max_tokens : room
      usedBytes += unit.bytes + 1
      if (usedBytes > maxBytes && !isCurrent) break
      if (used + size > limit) {
        if (!isCurrent) break
        return yield* new ChatRefusal({
          code: 413,
          message:
            `The message does not fit into ${max_tokens} tokens (chat.service.context.max_tokens), ` +
            `of which the instructions take ${fixed}. Shorten it, or raise the limit.`,
          data: { reason: "context_too_long", max_tokens, tokens: used + size }
        })
      }
      used += size
      first--
    }
    // A request begins with a message of the user.
    while (first < units.length && units[first]?.messages[0]?.role !== "user") first++
    const kept = units.slice(first)
    if (debug) {
      yield* Effect.logInfo("context window").pipe(
        Effect.annotateLogs({
          conversation_id: conversation,
          max_tokens,
          reserve_tokens,
          preserve_recent,
          fixed_tokens: fixed,
          used_tokens: used,
          kept: kept.length,
          dropped: first
        })
      )
    }
    return { messages: whole(kept), dropped: first } satisfies Window
  })
}
