/** Usage reports without a running server, for `manifold usage` reads. */
import { Layer } from "effect"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { UsageReport } from "../../layers/usage/UsageReport.ts"
import { grounded } from "./baseLayers.ts"

export const usageReports = UsageReport.layer.pipe(
  Layer.provideMerge(Sql.layer),
  Layer.provideMerge(Storage.layer),
  Layer.provideMerge(grounded)
)
