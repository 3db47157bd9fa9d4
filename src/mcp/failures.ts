/** Translates what went wrong in the catalog into JSON-RPC errors and `isError` results, where they leave. */
import { ProtocolError, ProtocolErrorCode, ResourceNotFoundError } from "@modelcontextprotocol/server"
import { errorClass } from "../../layers/guard/outcome.ts"
import { turnedAway } from "../../layers/transports/turnedAway.ts"
import type { CallError, InvalidArguments, InvalidCursor } from "../catalog/CatalogError.ts"

/** `data.validation_errors[{field, message, type}]`. */
const validation = ({ issues }: InvalidArguments) => ({
  validation_errors: issues.map(({ message, path }) => ({ field: path, message, type: "schema" }))
})

export const toProtocolError = (error: CallError | InvalidCursor): ProtocolError => {
  const away = (data: object) =>
    new ProtocolError(turnedAway, error.message, { error_class: errorClass(error), ...data })
  switch (error._tag) {
    case "NotFound":
      return error.kind === "resource"
        ? new ResourceNotFoundError(error.name)
        : new ProtocolError(ProtocolErrorCode.InvalidParams, error.message)
    case "Forbidden":
      return new ProtocolError(ProtocolErrorCode.InvalidRequest, error.message, { scopes: error.scopes })
    case "RateLimited": {
      const { limit, max, remaining, retryAfter, window } = error
      return away({ limit, max, remaining, window_ms: window, retry_after_ms: retryAfter })
    }
    case "Busy":
      return away({ limit: error.limit, max: error.max, remaining: 0, retry_after_ms: error.retryAfter })
    case "CircuitOpen":
    case "LimiterUnavailable":
    case "JournalUnavailable":
      return away({ retry_after_ms: error.retryAfter })
    case "OverBudget":
      return away({ limit: error.limit })
    case "InvalidArguments":
      return new ProtocolError(ProtocolErrorCode.InvalidParams, error.message, validation(error))
    case "InvalidCursor":
      return new ProtocolError(ProtocolErrorCode.InvalidParams, error.message)
    case "TimedOut":
    case "Failed":
      return new ProtocolError(ProtocolErrorCode.InternalError, error.message)
  }
}

/** A tool that ran and failed, or was called wrongly, is a result that a model can read (MCP 2025-11-25). */
export const isToolResult = (error: CallError) =>
  error._tag === "Failed" || error._tag === "TimedOut" || error._tag === "InvalidArguments"
