/** Stores of conversations on one database: instances that share it, such as processes. */
import { Duration, Effect, Exit, Layer, Scope } from "effect"
import type { ChatEventBody } from "../../layers/chat/ChatEvent.ts"
import { ChatStore, type NewTurn } from "../../layers/chat/ChatStore.ts"
import * as sqlStore from "../../layers/chat/sql/sqlStore.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { sqlOf, type StorageSettings } from "./databases.ts"

const usual: sqlStore.SqlSettings = {
  max_conversations: { principal: 100, total: 1000 },
  max_bytes: { principal: 2 ** 26, total: 2 ** 30 },
  retention: Duration.days(400)
}

export interface Instance {
  readonly store: ChatStore["Service"]
  /** Ends the instance as the orderly end of its process would. */
  readonly end: Effect.Effect<void>
}

export const startInstance = Effect.fnUntraced(function* (
  storage: StorageSettings,
  settings: Partial<sqlStore.SqlSettings> = {}
) {
  const scope = yield* Scope.make()
  const end = Scope.close(scope, Exit.void)
  yield* Effect.addFinalizer(() => end)
  const layer = sqlStore
    .layer({ ...usual, ...settings })
    .pipe(Layer.provide(Layer.mergeAll(sqlOf(storage), Ids.layer)))
  const store = yield* Effect.provide(ChatStore, yield* Effect.orDie(Layer.buildWithScope(layer, scope)))
  return { store, end } satisfies Instance
})

export const newTurn = (
  requestId: string,
  {
    conversation,
    principal = "ada",
    text = "Hello"
  }: {
    readonly conversation?: string
    readonly principal?: string
    readonly text?: string
  } = {}
): NewTurn => ({
  principal,
  conversation,
  create: true,
  message: {
    type: "user_message",
    request_id: requestId,
    digest: `${text.length}`,
    content: [{ type: "text", text }],
    options: {}
  }
})

export const textDelta = (requestId: string, text: string): ChatEventBody => ({
  type: "text_delta",
  request_id: requestId,
  hop: 0,
  text
})

const usage = {
  input_tokens: 1,
  output_tokens: 1,
  total_tokens: 2,
  cached_input_tokens: 0,
  cache_write_input_tokens: 0,
  reasoning_tokens: 0
}

export const turnCompleted = (requestId: string): ChatEventBody => ({
  type: "turn_completed",
  request_id: requestId,
  stop_reason: "stop",
  provider: "local",
  model: "small",
  usage,
  cost_usd: null,
  uncertain: false
})

export const answer = (requestId: string, text: string, deltas: ReadonlyArray<number>): ChatEventBody => ({
  type: "assistant_message",
  request_id: requestId,
  hop: 0,
  parts: [
    { type: "text", text, deltas: deltas.map((seq) => ({ seq, length: text.length / deltas.length })) }
  ],
  provider: "local",
  model: "small",
  stop_reason: "stop",
  usage,
  cost_usd: null,
  uncertain: false
})
