/** Handlers of the REST service for certificates of the edge. */
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import type { CertificateError, CertificatesUnavailable } from "../../layers/edge/certificates/Certificate.ts"
import { Certificates } from "../../layers/edge/certificates/Certificates.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { metered } from "./admission.ts"
import { Api } from "./api.ts"
import * as errors from "./errors.ts"
import { unavailable } from "./rejections.ts"
import { RestRequest } from "./RestRequest.ts"

const usualPage = 100

const readFailed = ({ message }: CertificateError | CertificatesUnavailable) => unavailable(message)

const addFailed = (error: CertificateError | CertificatesUnavailable) => {
  const { message: detail } = error
  if (error._tag === "CertificatesUnavailable") return unavailable(detail)
  return error.reason === "too_many"
    ? Effect.fail(new errors.Conflict({ detail }))
    : Effect.fail(new errors.Unprocessable({ detail }))
}

const lookupFailed = (error: CertificateError | CertificatesUnavailable) => {
  const { message: detail } = error
  if (error._tag === "CertificatesUnavailable") return unavailable(detail)
  return error.reason === "not_found"
    ? Effect.fail(new errors.NotFound({ detail }))
    : Effect.fail(new errors.Unprocessable({ detail }))
}

export const certificateHandlers = HttpApiBuilder.group(
  Api,
  "certificates",
  Effect.fn(function* (group) {
    const catalog = yield* Catalog
    const certificates = yield* Certificates
    return group.handleAll({
      listCertificates: Effect.fn(function* ({ query: { cursor, limit = usualPage } }) {
        yield* metered("admin", catalog)
        const page = yield* certificates.list({ cursor, limit }).pipe(Effect.catch(readFailed))
        return {
          certificates: page.certificates,
          ...(page.cursor !== undefined && { next_cursor: page.cursor })
        }
      }),
      addCertificate: Effect.fn(function* ({ payload }) {
        yield* metered("admin", catalog)
        return yield* certificates.add(payload, yield* RestRequest).pipe(Effect.catch(addFailed))
      }),
      retryCertificate: Effect.fn(function* ({ payload: { hostname } }) {
        yield* metered("admin", catalog)
        return yield* certificates.retry(hostname, yield* RestRequest).pipe(Effect.catch(lookupFailed))
      }),
      removeCertificate: Effect.fn(function* ({ params: { id } }) {
        yield* metered("admin", catalog)
        return yield* certificates.remove(id, yield* RestRequest).pipe(Effect.catch(lookupFailed))
      })
    })
  })
)
