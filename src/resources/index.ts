/** The list of resources: one file per resource, one line per resource here. */
import { Effect, Layer } from "effect"
import { Catalog } from "../catalog/Catalog.ts"
import * as output from "./output.ts"
import * as ping from "./ping.ts"
import * as usage from "./usage.ts"

const entries = Effect.all([
  ping.entry, // keep one line each
  usage.entry
])

/** The list of resource templates. */
const templates = Effect.all([
  output.entry // keep one line each
])

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const catalog = yield* Catalog
    yield* catalog.add({ resources: yield* entries, templates: yield* templates })
  })
)
