/** The table of published applications without a running server, for `manifold proxy`. */
import { Layer } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { ProxyTable } from "../../layers/edge/ProxyTable.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { grounded } from "./baseLayers.ts"

export const proxies = ProxyTable.layer.pipe(
  Layer.provideMerge(Audit.layer),
  Layer.provideMerge(Sql.layer),
  Layer.provideMerge(Storage.layer),
  Layer.provideMerge(grounded)
)
