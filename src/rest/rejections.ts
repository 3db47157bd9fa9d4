/** Translates errors of the catalog, of upstream servers and of request decoding into errors of the REST service. */
import { Effect } from "effect"
import { HttpEffect, HttpServerResponse, type HttpServerRequest } from "effect/http"
import type { OutboundError } from "../../layers/outbound/OutboundError.ts"
import type { UpstreamError } from "../../layers/upstream/UpstreamError.ts"
import { toFailure, type CatalogFailure } from "../catalog/catalogFailure.ts"
import * as errors from "./errors.ts"

const classes = {
  400: errors.BadRequest,
  401: errors.Unauthorized,
  403: errors.Forbidden,
  404: errors.NotFound,
  408: errors.RequestTimeout,
  422: errors.Unprocessable,
  429: errors.TooManyRequests,
  502: errors.BadGateway,
  503: errors.Unavailable
} as const

const isListed = (status: number): status is keyof typeof classes => status in classes

export const withHeaders = (headers: Readonly<Record<string, string>>) =>
  HttpEffect.appendPreResponseHandler((_, response) =>
    Effect.succeed(HttpServerResponse.setHeaders(response, headers))
  )

/** With the headers of the failure, such as Retry-After. */
export const rejected = <E extends CatalogFailure>(
  error: E
): Effect.Effect<never, errors.RestError, HttpServerRequest.HttpServerRequest> => {
  const { headers, message, status } = toFailure(error)
  const Rejection = isListed(status) ? classes[status] : errors.InternalError
  const failed = Effect.fail(new Rejection({ detail: message }))
  return headers === undefined ? failed : Effect.andThen(withHeaders(headers), failed)
}

/** Seconds after which a client may retry while the database cannot be reached. */
const retryAfter = "5"

export const unavailable = (detail: string) =>
  Effect.andThen(withHeaders({ "retry-after": retryAfter }), Effect.fail(new errors.Unavailable({ detail })))

export const unreachable = ({ message }: UpstreamError) => new errors.BadGateway({ detail: message })

/** For a URL that a caller named. */
export const notReachable = ({ message, reason, why }: OutboundError): errors.RestError => {
  if (reason !== "refused") return new errors.BadGateway({ detail: message })
  return why === "address" || why === "port"
    ? new errors.Forbidden({ detail: message })
    : new errors.Unprocessable({ detail: message })
}
