/** The store of conversations that the section `chat` chooses, opened at its first use. */
import { Effect, Layer, Scope, Stream } from "effect"
import { Ids } from "../platform/Ids.ts"
import { Sql } from "../storage/Sql.ts"
import { Storage } from "../storage/Storage.ts"
import { ChatStore, ChatStoreError } from "./ChatStore.ts"
import { chatSettings } from "./section.ts"

const make = Effect.gen(function* () {
  const settings = yield* chatSettings
  const ids = yield* Ids
  const { dir, prepare } = yield* Storage
  const scope = yield* Effect.scope
  const sql = yield* Sql
  /** A folder that cannot be written can still be read. */
  const prepared = Effect.catchTag(prepare, "StorageError", ({ message, reason }) =>
    reason === "newer" || reason === "damaged"
      ? Effect.fail(new ChatStoreError({ reason: "unavailable", message }))
      : Effect.void
  )
  const stores = {
    memory: Effect.flatMap(
      Effect.promise(() => import("./memoryStore.ts")),
      (store) => store.make(settings)
    ),
    jsonl: Effect.flatMap(
      Effect.andThen(
        prepared,
        Effect.promise(() => import("./jsonl/jsonlStore.ts"))
      ),
      (store) => store.make(dir, settings)
    ),
    sql: Effect.flatMap(
      Effect.promise(() => import("./sql/sqlStore.ts")),
      (store) => Effect.provideService(store.make(settings), Sql, sql)
    )
  }
  // Instances that share PostgreSQL share no folder.
  const usual = sql.place.driver === "postgres" ? "sql" : "jsonl"
  const open: Effect.Effect<ChatStore["Service"], ChatStoreError, Ids | Scope.Scope> =
    stores[settings.store ?? usual]
  // A caller that leaves must not end it for the others.
  const opened = yield* Effect.cached(
    Effect.uninterruptible(open.pipe(Effect.provideService(Ids, ids), Scope.provide(scope)))
  )
  const use = <A, E>(run: (store: ChatStore["Service"]) => Effect.Effect<A, E>) => Effect.flatMap(opened, run)
  return ChatStore.of({
    begin: (turn) => use((store) => store.begin(turn)),
    append: (conversation, events) => use((store) => store.append(conversation, events)),
    respond: (conversation, event) => use((store) => store.respond(conversation, event)),
    find: (conversation) => use((store) => store.find(conversation)),
    read: (conversation, options) => use((store) => store.read(conversation, options)),
    watch: (conversation, after) =>
      Stream.unwrap(Effect.map(opened, (store) => store.watch(conversation, after))),
    watchResponses: (conversation, after) =>
      Stream.unwrap(Effect.map(opened, (store) => store.watchResponses(conversation, after))),
    list: (principal, options) => use((store) => store.list(principal, options)),
    remove: (conversation) => use((store) => store.remove(conversation))
  })
})

export const layer = Layer.effect(ChatStore, make)
