/** Stores of conversations for tests: back ends that several instances, like processes, share. */
import { Context, Duration, Effect, Exit, Layer, Scope } from "effect"
import type { ChatEventBody } from "../../layers/chat/ChatEvent.ts"
import { ChatStore, type NewTurn } from "../../layers/chat/ChatStore.ts"
import * as jsonl from "../../layers/chat/jsonl/jsonlStore.ts"
import * as memory from "../../layers/chat/memoryStore.ts"
import * as sqlStore from "../../layers/chat/sql/sqlStore.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { hasPostgres, postgres, sqlite, sqlOf, stateFolder, type StorageSettings } from "./databases.ts"

export const limits = {
  max_conversations: { principal: 100, total: 1000 },
  max_bytes: { principal: 2 ** 26, total: 2 ** 30 }
}

export const jsonlSettings: jsonl.JsonlSettings = {
  ...limits,
  fsync: "never",
  segment_bytes: 2 ** 24,
  retention: Duration.days(400)
}

export interface Instance {
  readonly store: ChatStore["Service"]
  /** Ends the instance as the end of its process would. */
  readonly end: Effect.Effect<void>
}

export interface Shared {
  readonly start: Effect.Effect<Instance>
}

const instanceOf = Effect.fnUntraced(function* (
  make: Effect.Effect<ChatStore["Service"], never, Ids | Scope.Scope>
) {
  const scope = yield* Scope.make()
  const store = yield* make.pipe(Scope.provide(scope), Effect.provide(Ids.layer))
  return { store, end: Scope.close(scope, Exit.void) }
})

export const jsonlShared = (folder: string, settings: Partial<jsonl.JsonlSettings> = {}): Shared => ({
  start: instanceOf(jsonl.make(folder, { ...jsonlSettings, ...settings }))
})

export const sqlShared = (
  storage: StorageSettings,
  settings: Partial<sqlStore.SqlSettings> = {}
): Shared => ({
  start: Effect.gen(function* () {
    const scope = yield* Scope.make()
    const layer = Layer.effect(
      ChatStore,
      sqlStore.make({ ...limits, retention: Duration.days(400), ...settings })
    ).pipe(Layer.provide(Layer.mergeAll(sqlOf(storage), Ids.layer)))
    const services = yield* Effect.orDie(Layer.buildWithScope(layer, scope))
    return { store: Context.get(services, ChatStore), end: Scope.close(scope, Exit.void) }
  })
})

export interface Backend {
  readonly name: string
  /** Instances that may share it. */
  readonly instances: number
  /** What a run costs, compared to one in memory. */
  readonly cost: number
  readonly open: Effect.Effect<Shared, never, Scope.Scope>
}

export const backends: ReadonlyArray<Backend> = [
  { name: "memory", instances: 1, cost: 1, open: Effect.succeed({ start: instanceOf(memory.make(limits)) }) },
  {
    name: "jsonl",
    instances: 3,
    cost: 1,
    open: Effect.map(stateFolder, (folder) => jsonlShared(folder))
  },
  {
    name: "jsonl with small segments",
    instances: 3,
    cost: 1,
    open: Effect.map(stateFolder, (folder) => jsonlShared(folder, { segment_bytes: 3000 }))
  },
  { name: "SQLite", instances: 3, cost: 2, open: Effect.map(sqlite, (storage) => sqlShared(storage)) },
  ...(hasPostgres
    ? [
        {
          name: "PostgreSQL",
          instances: 3,
          cost: 20,
          open: Effect.map(postgres, (storage) => sqlShared(storage))
        }
      ]
    : [])
]

export const turn = (
  principal: string,
  requestId: string,
  text = "Hello",
  conversation?: string
): NewTurn => ({
  principal,
  conversation,
  message: {
    type: "user_message",
    request_id: requestId,
    digest: text,
    content: [{ type: "text", text }],
    options: {}
  }
})

export const usage = {
  input_tokens: 10,
  output_tokens: 5,
  total_tokens: 15,
  cached_input_tokens: 0,
  cache_write_input_tokens: 0,
  reasoning_tokens: 0
}

export const delta = (requestId: string, text: string, hop = 0): ChatEventBody => ({
  type: "text_delta",
  request_id: requestId,
  hop,
  text
})

export const completed = (requestId: string): ChatEventBody => ({
  type: "turn_completed",
  request_id: requestId,
  stop_reason: "stop",
  provider: "local",
  model: "small",
  usage,
  cost_usd: null,
  uncertain: false
})

/** A whole message, whose deltas have these numbers and equal lengths. */
export const assistant = (
  requestId: string,
  text: string,
  hop = 0,
  deltas: ReadonlyArray<number> = []
): ChatEventBody => ({
  type: "assistant_message",
  request_id: requestId,
  hop,
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
