/** Puts entries into the catalog while the layer lives. */
import { Effect, Layer } from "effect"
import { Catalog } from "./Catalog.ts"
import type { NameTaken } from "./CatalogError.ts"
import type { Entries } from "./Entry.ts"

/** Fails with `NameTaken` where another entry has the name or URI, and then adds nothing. */
export const layer = (entries: Entries): Layer.Layer<never, NameTaken, Catalog> =>
  Layer.effectDiscard(Effect.flatMap(Catalog, (catalog) => catalog.add(entries)))
