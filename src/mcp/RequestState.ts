/** Signs the state that a stateless client carries from round to round (MCP 2026-07-28, `requestState`). */
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

/** Reference to a waiting handler: instance, id and round. */
export const Waiting = Schema.Struct({
  instance: Schema.String,
  id: Schema.String,
  round: Schema.Int
})
export type Waiting = typeof Waiting.Type

/** Responses of earlier rounds, the request that they belong to (`bindingOf`), and the waiting handler. */
export const State = Schema.Struct({
  request: Schema.String,
  answers: Schema.Record(Schema.String, Schema.Unknown),
  waiting: Schema.optionalKey(Waiting)
})
export type State = typeof State.Type

/** The signed payload. */
interface Expiring {
  readonly state: State
  /** In milliseconds since the epoch. */
  readonly expires: number
}

export class RequestState extends Context.Service<
  RequestState,
  {
    /** A state is valid only for the principal that it was minted for. The signing key is read lazily. */
    readonly codec: (principal: Principal) => {
      readonly mint: (state: State) => Promise<string>
      readonly verify: (text: string) => Promise<unknown>
    }
  }
>()("manifold/mcp/RequestState") {
  /**
   * Uses `storage` at the first key. A state expires with its suspended call, so that it cannot outlive the result that a
   * repeated request gets.
   */
  static readonly layer = <R>(storage: Effect.Effect<Storage["Service"], never, R>) =>
    Layer.effect(
      RequestState,
      Effect.gen(function* () {
        const key = yield* Effect.cached(Effect.flatMap(storage, (opened) => opened.key("request-state", 32)))
        const { suspended_calls } = yield* (yield* ConfigSource).read(section)
        const timeout = Duration.toMillis(suspended_calls.timeout)
        const clock = yield* Clock.Clock
        // The SDK counts whole seconds; the exact expiry is checked below.
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
        // The codec passes the context only to `bind`, which ignores it.
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
