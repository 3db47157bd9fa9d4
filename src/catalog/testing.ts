/** Calls tools without a transport, for tests and scripts: an in-memory catalog and `callTool`. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Budget } from "../../layers/guard/Budget.ts"
import { Guard } from "../../layers/guard/Guard.ts"
import { Calls } from "../../layers/ledger/Calls.ts"
import { Journal } from "../../layers/ledger/Journal.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import type { ProgressEvent } from "../../layers/progress/ProgressEvent.ts"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import type { ToolOutput } from "../domain/Content.ts"
import { stdioUser, type Principal } from "../domain/Principal.ts"
import { Caller } from "./Caller.ts"
import { Catalog } from "./Catalog.ts"
import type { CallError } from "./CatalogError.ts"
import { Client, ClientError, type InputResponse, type InputRequest } from "./Client.ts"

/** An empty catalog with the default limits. Reads no configuration or variables, and writes no log or file. */
export const layerMemory = Catalog.layer.pipe(
  Layer.provideMerge(
    Layer.merge(Guard.layer.pipe(Layer.provide(Budget.layerUnlimited)), ProgressEvents.layer)
  ),
  Layer.provideMerge(Layer.mergeAll(Calls.layer, Journal.layer, Ids.layer)),
  Layer.provide(ConfigSource.layerFrom({}))
)

export interface CallOptions {
  /** Default: `stdioUser`, which has all scopes. */
  readonly principal?: Principal
  /** Responses of the client, by the keys of the requests; the default keys of `elicit` and `sample` are their names. */
  readonly answers?: Readonly<Record<string, InputResponse<InputRequest>>>
  /** Called with every report of progress; must neither throw nor wait. */
  readonly onProgress?: (event: ProgressEvent) => void
}

/** A client with these responses; every other request fails. */
const clientWith = (answers: NonNullable<CallOptions["answers"]>) =>
  Client.of({
    ...Client.absent,
    supports: () => true,
    // The author of a response knows the request of its key.
    ask: ((requests: Readonly<Record<string, InputRequest>>) =>
      Effect.forEach(Object.keys(requests), (key) => {
        const answer = Object.hasOwn(answers, key) ? answers[key] : undefined
        return answer === undefined
          ? Effect.fail(
              new ClientError({
                reason: "failed",
                detail: `No response for "${key}". Add it to the option answers.`
              })
            )
          : Effect.succeed([key, answer] as const)
      }).pipe(Effect.map((given) => Object.fromEntries(given)))) as Client["Service"]["ask"]
  })

/** Calls one tool. Fails as the catalog does: `NotFound`, `InvalidArguments`, `Failed`, `TimedOut`, or a rejection. */
export const callTool = Effect.fn("callTool")(function* (
  name: string,
  args: unknown,
  { answers, onProgress, principal = stdioUser }: CallOptions = {}
): Effect.fn.Return<ToolOutput, CallError, Catalog | Ids> {
  const catalog = yield* Catalog
  const requestId = yield* (yield* Ids).next
  return yield* catalog.call(principal, name, args).pipe(
    Effect.provideService(Client, answers === undefined ? Client.absent : clientWith(answers)),
    Effect.provideService(Caller, {
      principal,
      requestId,
      call: `tools/call ${name}`,
      ...(onProgress !== undefined && { onProgress })
    })
  )
})
