/** Signs what a stateless client carries for us from round to round (MCP 2026-07-28, `requestState`). */
import {
  createRequestStateCodec,
  type RequestStateCodec,
  type ServerContext
} from "@modelcontextprotocol/server"
import { Clock, Context, Duration, Effect, Layer, Redacted, Schema } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import type { Principal } from "../domain/Principal.ts"
import { section } from "./section.ts"

/** Where a handler waits for the client: on which instance, under which id, and for which round. */
export const Waiting = Schema.Struct({
  instance: Schema.String,
  id: Schema.String,
  round: Schema.Int
})
export type Waiting = typeof Waiting.Type

/** Answers given in earlier rounds, the request that they were given to (`bindingOf`), and the handler that waits. */
export const State = Schema.Struct({
  request: Schema.String,
  answers: Schema.Record(Schema.String, Schema.Unknown),
  waiting: Schema.optionalKey(Waiting)
})
export type State = typeof State.Type

/** What is signed. */
interface Expiring {
  readonly state: State
  /** Milliseconds since 1970. */
  readonly expires: number
}

export class RequestState extends Context.Service<
  RequestState,
  {
    /** States minted for one principal are refused for every other. The key is read when first needed. */
    readonly codec: (principal: Principal) => {
      readonly mint: (state: State) => Promise<string>
      readonly verify: (text: string) => Promise<unknown>
    }
  }
>()("manifold/mcp/RequestState") {
  /**
   * `storage` is asked when a key is first needed. A state expires when a suspended call does, so that it cannot outlive
   * the result that a repeated request gets.
   */
  static readonly layer = <R>(storage: Effect.Effect<Storage["Service"], never, R>) =>
    Layer.effect(
      RequestState,
      Effect.gen(function* () {
        const key = yield* Effect.cached(Effect.flatMap(storage, (keeper) => keeper.key("request-state", 32)))
        const { suspended_calls } = yield* (yield* ConfigSource).read(section)
        const timeout = Duration.toMillis(suspended_calls.timeout)
        const clock = yield* Clock.Clock
        // It counts whole seconds, so that its own limit is only a rough one.
        const ttlSeconds = Math.ceil(timeout / 1000) + 1
        const run = Effect.runPromiseWith(yield* Effect.context<R>())
        const open = (principal: Principal): Promise<RequestStateCodec<Expiring>> =>
          run(key).then((bytes) =>
            createRequestStateCodec<Expiring>({
              key: Redacted.value(bytes),
              ttlSeconds,
              bind: () => principal.key
            })
          )
        // The codec asks the request only what `bind` asks of it, which is nothing.
        const context = { mcpReq: {} } as ServerContext
        return RequestState.of({
          codec: (principal) => ({
            mint: async (state) => {
              const expires = clock.currentTimeMillisUnsafe() + timeout
              return (await open(principal)).mint({ state, expires }, context)
            },
            verify: async (text) => {
              const { expires, state } = await (await open(principal)).verify(text, context)
              if (clock.currentTimeMillisUnsafe() > expires) throw new Error("expired")
              return state
            }
          })
        })
      })
    )
}
