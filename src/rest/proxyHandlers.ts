/** Handlers of the REST service for published applications. */
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import type { ProxiesUnavailable, ProxyError } from "../../layers/edge/proxies/Proxy.ts"
import { ProxyTable } from "../../layers/edge/ProxyTable.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { metered } from "./admission.ts"
import { Api } from "./api.ts"
import * as errors from "./errors.ts"
import { unavailable } from "./rejections.ts"
import { RestRequest } from "./RestRequest.ts"

const usualPage = 100

type Failure = ProxyError | ProxiesUnavailable

const readFailed = ({ message }: Failure) => unavailable(message)

/** For endpoints whose entry always exists. */
const changeFailed = (error: Failure) => {
  const { message: detail } = error
  if (error._tag === "ProxiesUnavailable") return unavailable(detail)
  return error.reason === "reserved" || error.reason === "target"
    ? Effect.fail(new errors.Unprocessable({ detail }))
    : Effect.fail(new errors.Conflict({ detail }))
}

const entryFailed = (error: Failure) =>
  error._tag === "ProxyError" && error.reason === "not_found"
    ? Effect.fail(new errors.NotFound({ detail: error.message }))
    : changeFailed(error)

export const proxyHandlers = HttpApiBuilder.group(
  Api,
  "proxies",
  Effect.fn(function* (group) {
    const catalog = yield* Catalog
    const table = yield* ProxyTable
    return group.handleAll({
      listProxies: Effect.fn(function* ({ query: { cursor, limit = usualPage } }) {
        yield* metered("admin", catalog)
        const { next, proxies, total } = yield* table.list({ cursor, limit }).pipe(Effect.catch(readFailed))
        return { proxies, total, ...(next !== undefined && { next_cursor: next }) }
      }),
      createProxy: Effect.fn(function* ({ payload }) {
        yield* metered("admin", catalog)
        return yield* table.create(payload, yield* RestRequest).pipe(Effect.catch(changeFailed))
      }),
      updateProxy: Effect.fn(function* ({ params: { hostname }, payload }) {
        yield* metered("admin", catalog)
        return yield* table
          .update({ ...payload, hostname }, yield* RestRequest)
          .pipe(Effect.catch(entryFailed))
      }),
      deleteProxy: Effect.fn(function* ({ params: { hostname }, query }) {
        yield* metered("admin", catalog)
        return yield* table.remove({ ...query, hostname }, yield* RestRequest).pipe(Effect.catch(entryFailed))
      }),
      undoProxyChange: Effect.fn(function* ({ payload }) {
        yield* metered("admin", catalog)
        return yield* table.undo(payload, yield* RestRequest).pipe(Effect.catch(changeFailed))
      })
    })
  })
)
