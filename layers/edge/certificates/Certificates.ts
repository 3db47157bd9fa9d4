/** Administration of certificates: lists them, and adds and removes uploaded ones. */
import { Context, Effect, Layer } from "effect"
import type { Audit } from "../../audit/Audit.ts"
import type { ConfigSource } from "../../config/ConfigSource.ts"
import type { Sql } from "../../storage/Sql.ts"
import type { ProxyTable } from "../ProxyTable.ts"
import type { Administration } from "./administerCertificates.ts"
import type {
  Administrator,
  Certificate,
  CertificateError,
  CertificatePage,
  CertificatesUnavailable,
  PageRequest,
  Retried,
  Upload
} from "./Certificate.ts"
import type { CertificateStore } from "./CertificateStore.ts"

type Failures = CertificateError | CertificatesUnavailable

export class Certificates extends Context.Service<
  Certificates,
  {
    /** At most `limit` certificates and pending orders by name, after `cursor`. */
    readonly list: (page: PageRequest) => Effect.Effect<CertificatePage, Failures>
    /** Checks and stores an uploaded certificate, which then serves all hosts that it has a name for. */
    readonly add: (upload: Upload, by: Administrator) => Effect.Effect<Certificate, Failures>
    /** Ends the delay before the next attempt to issue the certificate of a host by ACME. */
    readonly retry: (hostname: string, by: Administrator) => Effect.Effect<Retried, Failures>
    /** Removes an uploaded certificate. Its hosts are then served with another one. */
    readonly remove: (
      id: string,
      by: Administrator
    ) => Effect.Effect<{ readonly id: string; readonly names: ReadonlyArray<string> }, Failures>
  }
>()("manifold/edge/Certificates") {
  /** Opens the database with the first operation. */
  static readonly layer = Layer.effect(
    Certificates,
    Effect.gen(function* () {
      const services = yield* Effect.context<Audit | CertificateStore | ConfigSource | ProxyTable | Sql>()
      const loaded = yield* Effect.cached(
        Effect.promise(() => import("./administerCertificates.ts")).pipe(
          Effect.flatMap(({ makeAdministration }) => makeAdministration),
          Effect.provideContext(services)
        )
      )
      const use = <A, E>(run: (made: Administration) => Effect.Effect<A, E>) => Effect.flatMap(loaded, run)
      return Certificates.of({
        list: (page) => use(({ list }) => list(page)),
        add: (upload, by) => use(({ add }) => add(upload, by)),
        retry: (hostname, by) => use(({ retry }) => retry(hostname, by)),
        remove: (id, by) => use(({ remove }) => remove(id, by))
      })
    })
  )
}
