/** Translates the catalog's typed errors into JSON-RPC codes, HTTP statuses and headers. */
import { insufficientScope } from "../../layers/identity/bearerChallenge.ts"
import { errorClass } from "../domain/errorClass.ts"
import * as codes from "../domain/errorCodes.ts"
import type { Failure } from "../domain/Failure.ts"
import { isObject } from "../domain/JsonObject.ts"
import type { CallError, InvalidArguments, InvalidCursor, TooManySubscriptions } from "./CatalogError.ts"

/** Retry-After and RateLimit-* count whole seconds. */
const seconds = (millis: number): string => String(Math.max(1, Math.ceil(millis / 1000)))

/** `data.validation_errors[{field, message, type}]`. */
const validation = ({ issues }: InvalidArguments) => ({
  validation_errors: issues.map(({ message, path }) => ({ field: path, message, type: "schema" }))
})

/** 503: temporarily unavailable (RFC 9110, section 15.6.4). */
const unavailable = (error: CallError, retryAfter: number, data: object = {}): Failure => ({
  code: codes.unavailable,
  status: 503,
  message: error.message,
  data: { error_class: errorClass(error), ...data, retry_after_ms: retryAfter },
  headers: { "retry-after": seconds(retryAfter) }
})

/** All errors of the catalog. */
export type CatalogFailure = CallError | InvalidCursor | TooManySubscriptions

/** Times in `data` are in milliseconds; `retry_after_ms` is the earliest time for a retry. */
export const toFailure = (error: CatalogFailure): Failure => {
  const { message } = error
  switch (error._tag) {
    case "NotFound":
      return {
        code: codes.invalidParams,
        status: 404,
        message: error.kind === "resource" ? `Resource not found: ${error.name}` : message,
        ...(error.kind === "resource" && { data: { uri: error.name } })
      }
    case "Forbidden":
      return {
        code: codes.forbidden,
        status: 403,
        message,
        data: { error_class: "Forbidden", scopes: error.scopes },
        headers: { "www-authenticate": insufficientScope(error.scopes) }
      }
    case "RateLimited": {
      const { limit, max, remaining, retryAfter, window } = error
      return {
        code: codes.limitReached,
        status: 429,
        message,
        data: {
          error_class: "RateLimited",
          limit,
          max,
          remaining,
          window_ms: window,
          retry_after_ms: retryAfter
        },
        // draft-ietf-httpapi-ratelimit-headers-06.
        headers: {
          "retry-after": seconds(retryAfter),
          "ratelimit-limit": String(max),
          "ratelimit-remaining": String(remaining),
          "ratelimit-reset": seconds(retryAfter)
        }
      }
    }
    case "OverBudget":
      // No Retry-After: the budget stays exceeded until its window ends.
      return {
        code: codes.limitReached,
        status: 429,
        message,
        data: {
          error_class: "OverBudget",
          limit: error.limit,
          // Milliseconds since 1970.
          ...(error.resetsAt !== undefined && { resets_at: error.resetsAt })
        }
      }
    case "TooManySubscriptions":
      return {
        code: codes.limitReached,
        status: 429,
        message,
        data: { error_class: "TooManySubscriptions", max: error.max }
      }
    case "Busy":
      return unavailable(error, error.retryAfter, { limit: error.limit, max: error.max, remaining: 0 })
    case "CircuitOpen":
    case "LimiterUnavailable":
    case "JournalUnavailable":
      return unavailable(error, error.retryAfter)
    case "InvalidArguments":
      return { code: codes.invalidParams, status: 422, message, data: validation(error) }
    case "InvalidCursor":
      return { code: codes.invalidParams, status: 400, message }
    case "TimedOut":
      return { code: codes.internalError, status: 408, message }
    case "Failed":
      return error.code === undefined
        ? { code: codes.internalError, status: 502, message }
        : { code: error.code, status: 502, message, ...(isObject(error.data) && { data: error.data }) }
  }
}

/** Whether the error is a tool result with `isError`, which a model can read, instead of a JSON-RPC error (MCP 2025-11-25). */
export const isToolResult = (error: CatalogFailure) =>
  (error._tag === "Failed" && error.code === undefined) ||
  error._tag === "TimedOut" ||
  error._tag === "InvalidArguments"
