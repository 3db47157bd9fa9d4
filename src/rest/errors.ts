/** Errors of the REST service: one class per HTTP status, with the body `{detail}`. */
import { Schema } from "effect"

const detail = { detail: Schema.String }

export class BadRequest extends Schema.Error<BadRequest>("BadRequest")(detail, {
  description: "The body is not JSON.",
  httpApiStatus: 400
}) {}

export class Unauthorized extends Schema.Error<Unauthorized>("Unauthorized")(detail, {
  description: "The request has no valid credential.",
  httpApiStatus: 401
}) {}

export class Forbidden extends Schema.Error<Forbidden>("Forbidden")(detail, {
  description: "The caller lacks a scope, the server must not be reached, or its sign-in is not finished.",
  httpApiStatus: 403
}) {}

export class NotFound extends Schema.Error<NotFound>("NotFound")(detail, {
  description: "There is no such token, the caller has no such connection, or its server has no such entry.",
  httpApiStatus: 404
}) {}

export class RequestTimeout extends Schema.Error<RequestTimeout>("RequestTimeout")(detail, {
  description: "The time limit was exceeded.",
  httpApiStatus: 408
}) {}

export class Conflict extends Schema.Error<Conflict>("Conflict")(detail, {
  description:
    "Another one has the name, another administrator has changed it, or there are as many as the configuration allows.",
  httpApiStatus: 409
}) {}

export class PayloadTooLarge extends Schema.Error<PayloadTooLarge>("PayloadTooLarge")(detail, {
  description: "The body exceeds server.max_message_bytes.",
  httpApiStatus: 413
}) {}

export class Unprocessable extends Schema.Error<Unprocessable>("Unprocessable")(detail, {
  description: "The request does not match its schema.",
  httpApiStatus: 422
}) {}

export class TooManyRequests extends Schema.Error<TooManyRequests>("TooManyRequests")(detail, {
  description: "A rate limit, a budget or the limit on connections is reached.",
  httpApiStatus: 429
}) {}

export class InternalError extends Schema.Error<InternalError>("InternalError")(detail, {
  description: "Internal error; the log has it under the request id.",
  httpApiStatus: 500
}) {}

export class BadGateway extends Schema.Error<BadGateway>("BadGateway")(detail, {
  description: "The MCP server is unreachable, or its response is invalid.",
  httpApiStatus: 502
}) {}

export class Unavailable extends Schema.Error<Unavailable>("Unavailable")(detail, {
  description: "Temporarily unavailable: see Retry-After.",
  httpApiStatus: 503
}) {}

/** Every request may fail with these. */
export const common = [
  Unauthorized,
  Forbidden,
  Unprocessable,
  TooManyRequests,
  InternalError,
  Unavailable
] as const
/** Requests with a body. */
export const withBody = [...common, BadRequest, PayloadTooLarge] as const
/** Requests that concern a connection. */
export const ofClient = [...common, NotFound, BadGateway, RequestTimeout] as const
export const ofClientWithBody = [...withBody, NotFound, BadGateway, RequestTimeout] as const

export type RestError =
  | BadRequest
  | Unauthorized
  | Forbidden
  | NotFound
  | RequestTimeout
  | Conflict
  | PayloadTooLarge
  | Unprocessable
  | TooManyRequests
  | InternalError
  | BadGateway
  | Unavailable
