/** Nested calls through the catalog: ids, trace, session and conversation. */
import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { Calls, RunningCall, type Call } from "../../../layers/ledger/Calls.ts"
import { Progress } from "../../../layers/progress/Progress.ts"
import type { ProgressEvent } from "../../../layers/progress/ProgressEvent.ts"
import { Caller } from "../../../src/catalog/Caller.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import type { ToolEntry } from "../../../src/catalog/Entry.ts"
import type { ToolOutput } from "../../../src/domain/Content.ts"
import { Client } from "../../../src/catalog/Client.ts"
import { defaults } from "../../../src/domain/Policy.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import { catalog } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"

const tool = (name: string, call: ToolEntry["call"]): ToolEntry => ({
  name,
  input: { type: "object" },
  hints: {},
  policy: { ...defaults, concurrency: 1 },
  call
})

const said = (text: string): ToolOutput => ({ content: [{ type: "text", text }] })

/** Two tools: `inner` returns its caller's ids and reports progress, `outer` calls it twice. */
const contents = Layer.effectDiscard(
  Effect.gen(function* () {
    const entries = yield* Catalog
    const inner = tool("inner", () =>
      Effect.gen(function* () {
        const { correlationId, onProgress, requestId, session } = yield* Caller
        yield* (yield* Progress).report({ progress: 1, total: 2 })
        return said([requestId, correlationId, session, onProgress === undefined].join())
      })
    )
    const outer = tool("outer", () =>
      Effect.gen(function* () {
        const { content } = yield* entries.call(stdioUser, "inner", {})
        const { content: second } = yield* entries.call(stdioUser, "inner", {})
        return { content: [...content, ...second] }
      }).pipe(Effect.orDie)
    )
    yield* entries.add({ tools: [inner, outer] })
  })
).pipe(Layer.provideMerge(catalog))

const trace = { traceId: "a".repeat(32), parentId: "b".repeat(16), sampled: true }

it.effect("a nested call has an id derived from its parent's, and its trace, session and conversation", () =>
  Effect.gen(function* () {
    const finished: Array<Call> = []
    const events: Array<ProgressEvent> = []
    yield* (yield* Calls).observe({ finished: (call) => finished.push(call) })
    const output = yield* (yield* Catalog).call(stdioUser, "outer", {}).pipe(
      Effect.provideService(Client, Client.absent),
      Effect.provideService(Caller, {
        principal: stdioUser,
        requestId: "r",
        correlationId: "c",
        session: "s",
        conversation: "talk",
        trace,
        onProgress: (event) => events.push(event)
      })
    )
    expect(output.content).toEqual([
      { type: "text", text: "r/1,c,s,true" },
      { type: "text", text: "r/2,c,s,true" }
    ])
    expect(finished.map(({ name, parent, requestId }) => [name, requestId, parent?.requestId])).toEqual([
      ["inner", "r/1", "r"],
      ["inner", "r/2", "r"],
      ["outer", "r", undefined]
    ])
    for (const call of finished) {
      expect(call).toMatchObject({ correlationId: "c", session: "s", conversation: "talk", trace })
    }
    // The percentage of a nested call is not that of the client's request.
    expect(events).toEqual([])
    expect((yield* RunningCall).call).toBeUndefined()
  }).pipe(Effect.provide(contents))
)
