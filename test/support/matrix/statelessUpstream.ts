/** An upstream server of 2026-07-28 that uses every feature: entries of this program. `bun … NAME FOLDER` serves them on stdio. */
import { Deferred, Effect, Layer } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { Progress } from "../../../layers/progress/Progress.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import { Caller } from "../../../src/catalog/Caller.ts"
import { Client } from "../../../src/catalog/Client.ts"
import type { Entries } from "../../../src/catalog/Entry.ts"
import { rawTool } from "../../../src/catalog/rawTool.ts"
import { text } from "../../../src/domain/Content.ts"
import type { JsonObject } from "../../../src/domain/JsonObject.ts"
import { mcp } from "../../../src/program/program.ts"
import { serveStdio } from "../../../src/program/stdioService.ts"
import { names, places, richResult } from "./features.ts"

/** Contributes the entries while the scope is open. */
export const statelessUpstream = Effect.fnUntraced(function* (name: string) {
  const { prefix, state, template } = places(name)
  const cancelled = yield* Deferred.make<void>()
  const catalog = yield* Catalog

  const run = Effect.fnUntraced(function* (tool: string, args: JsonObject) {
    const client = yield* Client
    switch (tool) {
      case "meta":
        return JSON.stringify((yield* Caller).meta)
      case "progress":
        yield* (yield* Progress).report({ progress: 1, total: 2, message: "half" })
        return "done"
      case "log":
        yield* client.log("info", "noted")
        return "done"
      case "elicit": {
        const schema = { type: "object", properties: {} }
        const { elicit } = yield* client.ask({ elicit: { kind: "elicit", message: "Sure?", schema } })
        return elicit.action
      }
      case "sample": {
        const messages = [{ role: "user" as const, content: { type: "text" as const, text: "Hello" } }]
        const { sample } = yield* client.ask({ sample: { kind: "sample", messages, maxTokens: 10 } })
        return sample.model
      }
      case "roots": {
        const { roots } = yield* client.ask({ roots: { kind: "roots" } })
        return roots.roots.map(({ uri }) => uri).join()
      }
      case "hang":
        return yield* Effect.onInterrupt(Effect.never, () => Deferred.succeed(cancelled, undefined))
      case "cancelled":
        yield* Deferred.await(cancelled)
        return "cancelled"
      case "touch":
        yield* contribution.updated(state)
        return "done"
      case "grow":
        entries = { ...entries, tools: [...(entries.tools ?? []), makeTool(`more${++more}`)] }
        yield* contribution.replace(entries)
        return "done"
      default:
        return JSON.stringify(args)
    }
  }, Effect.orDie)

  const makeTool = (tool: string) =>
    rawTool({ name: tool, inputSchema: { type: "object" } }, (args) => {
      const { content, structuredContent: structured, _meta: meta } = richResult(state)
      return tool === "rich"
        ? Effect.succeed({ content, structured, meta })
        : Effect.map(run(tool, args), (result) => ({ content: [text(result)] }))
    })
  const read = (uri: string) => Effect.succeed({ contents: [{ uri, text: uri.slice(prefix.length) }] })
  let more = 0
  let entries: Entries = {
    tools: names.map(makeTool),
    prompts: [
      {
        name: "greet",
        scopes: ["call"],
        arguments: [
          {
            name: "who",
            required: true,
            complete: (typed) => Effect.succeed(["Ada", "Alan"].filter((each) => each.startsWith(typed)))
          }
        ],
        get: ({ who }) => Effect.succeed({ messages: [{ role: "user", content: text(`Hello ${who}`) }] })
      }
    ],
    resources: [{ uri: state, name: "state", scopes: ["read"], read: read(state) }],
    templates: [{ uriTemplate: template, name: "item", scopes: ["read"], complete: {}, read }]
  }
  const contribution = yield* catalog.contribute({ owner: name, entries, visibleTo: "everybody" })
})

if (import.meta.main) {
  const [, , name = "", dir = ""] = process.argv
  Effect.andThen(statelessUpstream(name), serveStdio).pipe(
    Effect.scoped,
    Effect.provide(
      mcp.pipe(
        Layer.provideMerge(ConfigSource.layerFrom({ storage: { dir }, logging: { level: "error" } })),
        Layer.provideMerge(Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({})))
      )
    ),
    Platform.runMain
  )
}
