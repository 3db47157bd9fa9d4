/** Counts the tokens of texts, in a worker that starts with the first count and ends when it is idle. */
import { Context, Effect, Layer, RcRef, type Scope } from "effect"
import { estimateTokens } from "./estimateTokens.ts"
import type { CountAnswer, CountJob, Encoding } from "./tokenWorker.ts"

export interface Count {
  readonly tokens: number
  /** False: an estimate, because the model's tokenizer is not public or the text was counted in parts. */
  readonly exact: boolean
}

/** Models of OpenAI by the prefix of their names. All others are estimated with the newest of its encodings. */
const encodings: ReadonlyArray<readonly [prefix: string, Encoding]> = [
  ["gpt-4o", "o200k_base"],
  ["gpt-4.", "o200k_base"],
  ["gpt-4", "cl100k_base"],
  ["gpt-3.5", "cl100k_base"],
  ["gpt-", "o200k_base"],
  ["chatgpt-", "o200k_base"],
  ["o1", "o200k_base"],
  ["o3", "o200k_base"],
  ["o4", "o200k_base"]
]

/** Characters; a longer text is not tokenized but estimated. */
const maxChars = 4 * 1024 * 1024

const estimate = (text: string): Count => ({ tokens: estimateTokens(text), exact: false })

type Counter = (encoding: Encoding, text: string) => Effect.Effect<CountAnswer>

const start: Effect.Effect<Counter, never, Scope.Scope> = Effect.gen(function* () {
  const waiting = new Map<number, (answer: CountAnswer) => void>()
  let last = 0
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => new Worker(new URL("./tokenWorker.ts", import.meta.url), { smol: true, env: {} })),
    (it) => Effect.sync(() => it.terminate())
  )
  worker.onmessage = ({ data }: MessageEvent<CountAnswer>) => waiting.get(data.id)?.(data)
  worker.onerror = (event) => {
    event.preventDefault()
    for (const [id, answer] of waiting) answer({ id, failed: event.message })
  }
  return (encoding, text) =>
    Effect.callback((resume) => {
      const id = ++last
      waiting.set(id, (answer) => {
        waiting.delete(id)
        resume(Effect.succeed(answer))
      })
      worker.postMessage({ id, encoding, text } satisfies CountJob, [])
      return Effect.sync(() => waiting.delete(id))
    })
})

const make = Effect.gen(function* () {
  const counter = yield* RcRef.make({ acquire: start, idleTimeToLive: "1 minute" })
  return Tokens.of({
    count: Effect.fnUntraced(function* (model: string, text: string) {
      if (text === "") return { tokens: 0, exact: true }
      if (text.length > maxChars) return estimate(text)
      const known = encodings.find(([prefix]) => model.startsWith(prefix))
      const count = yield* RcRef.get(counter)
      const answer = yield* count(known?.[1] ?? "o200k_base", text)
      if ("tokens" in answer) return { tokens: answer.tokens, exact: known !== undefined && !answer.split }
      yield* Effect.logWarning(
        `The tokenizer failed: ${answer.failed}. Tokens are estimated from the length of the text.`
      )
      return estimate(text)
    }, Effect.scoped)
  })
})

export class Tokens extends Context.Service<
  Tokens,
  {
    /** Counts the text only, not the tokens that a provider adds for each message and tool. Never fails; falls back to an estimate. */
    readonly count: (model: string, text: string) => Effect.Effect<Count>
  }
>()("manifold/ledger/Tokens") {
  static readonly layer = Layer.effect(Tokens, make)
}
