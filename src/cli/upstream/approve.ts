/** `manifold upstream approve`: accepts the changed definitions of tools that are held back. */
import { Console, Effect, Layer } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { Storage } from "../../../layers/storage/Storage.ts"
import { foundation } from "../../program/baseLayers.ts"
import { ListStore } from "../../upstreams/ListStore.ts"
import { configuredServer } from "./configured.ts"
import { jsonFlag } from "./jsonFlag.ts"
import { recordAct } from "./recordAct.ts"

const stored = ListStore.layer.pipe(Layer.provide(Storage.layer), Layer.provideMerge(foundation))

export const approve = Command.make(
  "approve",
  { name: Argument.String("name").pipe(Argument.withDescription("Name in mcpServers")), json: jsonFlag },
  Effect.fnUntraced(function* ({ json, name }) {
    const settings = yield* configuredServer(name)
    const store = yield* ListStore
    const approved = new Set<string>()
    for (const lister of yield* store.listers(name)) {
      const known = yield* lister.load(name, settings)
      if (known === undefined || known.held.length === 0) continue
      for (const tool of known.held) approved.add(tool)
      const pins = Object.fromEntries(
        Object.entries(known.pins).filter(([tool]) => !known.held.includes(tool))
      )
      yield* lister.save(name, settings, { ...known, pins, held: [] })
    }
    const held = [...approved]
    if (held.length > 0) {
      yield* recordAct({ action: "upstream.approve", server: name, details: { tools: held } })
    }
    if (json) return yield* Console.log(JSON.stringify({ name, approved: held }))
    yield* Console.log(
      held.length === 0
        ? `No tool of ${name} is held back.`
        : `Approved: ${held.join(", ")}. A running service serves them within seconds.`
    )
  }, Effect.provide(stored))
).pipe(Command.withDescription("Serve the tools of a server that are held back, with their new definitions"))
