/** Layer that adds entries to the catalog. */
import { Effect, Layer } from "effect"
import { Catalog } from "./Catalog.ts"
import type { NameTaken } from "./CatalogError.ts"
import type { Entries } from "./Entry.ts"

/** Fails with `NameTaken` if another entry has the name or URI, and then adds nothing. */
export const layer = (entries: Entries): Layer.Layer<never, NameTaken, Catalog> =>
  Layer.effectDiscard(Effect.flatMap(Catalog, (catalog) => catalog.add(entries)))
