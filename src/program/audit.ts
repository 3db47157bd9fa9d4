/** The audit log without a running server, for `manifold audit`. */
import { Layer } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { grounded } from "./baseLayers.ts"

export const auditLog = Sql.layer.pipe(Layer.provideMerge(Storage.layer), Layer.provideMerge(grounded))

/** The same for commands that write rows. */
export const auditing = Audit.layer.pipe(Layer.provideMerge(auditLog))
