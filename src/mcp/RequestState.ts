/** Signs what a stateless client carries for us from round to round (MCP 2026-07-28, `requestState`). */
import { createRequestStateCodec, type RequestStateCodec } from "@modelcontextprotocol/server"
import { Context, Effect, Layer, Redacted, Schema } from "effect"
import { Storage } from "../../layers/storage/Storage.ts"
import type { Principal } from "../domain/Principal.ts"

/** Answers given in earlier rounds, and the request that they were given to. */
export const State = Schema.Struct({
  request: Schema.String,
  answers: Schema.Record(Schema.String, Schema.Unknown)
})
export type State = typeof State.Type

/** How long a client may take from one round to the next: people answer forms. */
const ttlSeconds = 3600

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
  /** `storage` is asked when a key is first needed. */
  static readonly layer = <R>(storage: Effect.Effect<Storage["Service"], never, R>) =>
    Layer.effect(
      RequestState,
      Effect.gen(function* () {
        const key = yield* Effect.cached(Effect.flatMap(storage, (keeper) => keeper.key("request-state", 32)))
        const run = Effect.runPromiseWith(yield* Effect.context<R>())
        const open = (principal: Principal): Promise<RequestStateCodec<State>> =>
          run(key).then((bytes) =>
            createRequestStateCodec<State>({
              key: Redacted.value(bytes),
              ttlSeconds,
              bind: () => principal.key
            })
          )
        // The codec binds to the principal, so it needs nothing of the request itself.
        const context = {} as never
        return RequestState.of({
          codec: (principal) => ({
            mint: async (state) => (await open(principal)).mint(state, context),
            verify: async (text) => (await open(principal)).verify(text, context)
          })
        })
      })
    )
}
