/** Certificates and the local CA without a running server, for `manifold certificate` and `manifold ca`. */
import { Layer } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { Certificates } from "../../layers/edge/certificates/Certificates.ts"
import { CertificateStore } from "../../layers/edge/certificates/CertificateStore.ts"
import { LocalCa } from "../../layers/edge/certificates/LocalCa.ts"
import { ProxyTable } from "../../layers/edge/ProxyTable.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { grounded } from "./baseLayers.ts"

export const certificates = Layer.mergeAll(Certificates.layer, LocalCa.layer).pipe(
  Layer.provideMerge(Layer.merge(CertificateStore.layer, ProxyTable.layer)),
  Layer.provideMerge(Audit.layer),
  Layer.provideMerge(Sql.layer),
  Layer.provideMerge(Storage.layer),
  Layer.provideMerge(grounded)
)
