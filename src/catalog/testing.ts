/** Calls tools through the catalog without a transport, for tests and scripts: a catalog in memory, and a caller. */
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

/** An empty catalog with the default limits. It reads no configuration or variables, and writes no log or file. */
export const layerMemory = Catalog.layer.pipe(
  Layer.provideMerge(
    Layer.merge(Guard.layer.pipe(Layer.provide(Budget.layerUnlimited)), ProgressEvents.layer)
  ),
  Layer.provideMerge(Layer.mergeAll(Calls.layer, Journal.layer, Ids.layer)),
  Layer.provide(ConfigSource.layerFrom({}))
)

export interface CallOptions {
  /** Default: `stdioUser`, who has every scope. */
  readonly principal?: Principal
  /** What the client answers, by the keys of the questions; `elicit` and `sample` use their own names as keys. */
  readonly answers?: Readonly<Record<string, InputResponse<InputRequest>>>
  /** Called with every report of progress; must neither throw nor wait. */
  readonly onProgress?: (event: ProgressEvent) => void
}

/** A client that gives these answers, and fails every other question. */
const answering = (answers: NonNullable<CallOptions["answers"]>) =>
  Client.of({
    ...Client.absent,
    supports: () => true,
    // The test that wrote an answer knows what was asked under its key.
    ask: ((questions: Readonly<Record<string, InputRequest>>) =>
      Effect.forEach(Object.keys(questions), (key) => {
        const answer = Object.hasOwn(answers, key) ? answers[key] : undefined
        return answer === undefined
          ? Effect.fail(new ClientError({ reason: "failed", detail: `No answer was given for "${key}".` }))
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
    Effect.provideService(Client, answers === undefined ? Client.absent : answering(answers)),
    Effect.provideService(Caller, {
      principal,
      requestId,
      call: `tools/call ${name}`,
      ...(onProgress !== undefined && { onProgress })
    })
  )
})
