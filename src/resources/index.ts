/** The list of resources: a resource is one file, and one line here. */
import { Effect, Layer } from "effect"
import { Catalog } from "../catalog/Catalog.ts"
import * as ping from "./ping.ts"

const entries = Effect.all([
  ping.entry // keep one line each
])

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const catalog = yield* Catalog
    yield* catalog.add({ resources: yield* entries })
  })
)
