/** Tool results in a session: `_meta`, structured content and errors. */
import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { McpServers } from "../../../layers/transports/McpServers.ts"
import { fromValue, MessageRejection } from "../../../layers/transports/jsonRpc.ts"
import { Wire } from "../../../layers/transports/Wire.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import { rawTool, type RawOutput } from "../../../src/catalog/rawTool.ts"
import { text, type Block } from "../../../src/domain/Content.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import { mcp } from "../../../src/program/program.ts"
import { it } from "../../support/effect.ts"
import { initialize, request, stateFolder } from "../../support/service.ts"

const picture: Block = { type: "image", data: "AAAA", mimeType: "image/png" }
const raw = (name: string, output: RawOutput) =>
  rawTool({ name, inputSchema: { type: "object" } }, () => Effect.succeed(output))

const tools = Layer.effectDiscard(
  Effect.flatMap(Catalog, (catalog) =>
    catalog.add({
      tools: [
        raw("fails", {
          content: [text("no"), picture],
          structured: { code: 7 },
          meta: { a: 1 },
          isError: true
        }),
        raw("lists", { content: [picture], structured: [1, 2], meta: { a: 1 } })
      ]
    })
  )
)

const program = tools.pipe(
  Layer.provideMerge(mcp),
  Layer.provideMerge(
    Layer.unwrap(Effect.map(stateFolder, (dir) => ConfigSource.layerFrom({ storage: { dir } })))
  ),
  Layer.provideMerge(Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({})))
)

it.live("an error keeps its content and _meta, and before 2026-07-28 structured content is an object", () =>
  Effect.gen(function* () {
    const servers = yield* McpServers
    const answers = new Map<unknown, (message: unknown) => void>()
    const write = (line: string) => {
      const message = JSON.parse(line) as { readonly id?: unknown }
      answers.get(message.id)?.(message)
      return Promise.resolve()
    }
    const wire = new Wire({ write, close: () => {} }, servers, () => {})
    const ask = (message: { readonly id: number }) =>
      Effect.promise(
        () =>
          new Promise<unknown>((resolve) => {
            answers.set(message.id, resolve)
            const parsed = fromValue(message)
            if (!(parsed instanceof MessageRejection)) wire.receive(parsed, { principal: stdioUser })
          })
      )
    yield* ask(initialize())
    expect(yield* ask(request(1, "tools/call", { name: "fails" }))).toMatchObject({
      result: {
        content: [text("no"), picture],
        structuredContent: { code: 7 },
        _meta: { a: 1 },
        isError: true
      }
    })
    const listed = yield* ask(request(2, "tools/call", { name: "lists" }))
    expect(listed).toMatchObject({ result: { content: [picture], _meta: { a: 1 } } })
    expect(listed).not.toMatchObject({ result: { structuredContent: expect.anything() } })
  }).pipe(Effect.provide(program))
)
