/** Translates what went wrong in the catalog into JSON-RPC errors and `isError` results, where they leave. */
import { ProtocolError, ProtocolErrorCode, ResourceNotFoundError } from "@modelcontextprotocol/server"
import type { CallError, InvalidArguments, InvalidCursor } from "../catalog/CatalogError.ts"

/** `data.validation_errors[{field, message, type}]`. */
const validation = ({ issues }: InvalidArguments) => ({
  validation_errors: issues.map(({ message, path }) => ({ field: path, message, type: "schema" }))
})

export const toProtocolError = (error: CallError | InvalidCursor): ProtocolError => {
  switch (error._tag) {
    case "NotFound":
      return error.kind === "resource"
        ? new ResourceNotFoundError(error.name)
        : new ProtocolError(ProtocolErrorCode.InvalidParams, error.message)
    case "Forbidden":
      return new ProtocolError(ProtocolErrorCode.InvalidRequest, error.message, { scopes: error.scopes })
    case "InvalidArguments":
      return new ProtocolError(ProtocolErrorCode.InvalidParams, error.message, validation(error))
    case "InvalidCursor":
      return new ProtocolError(ProtocolErrorCode.InvalidParams, error.message)
    case "Failed":
      return new ProtocolError(ProtocolErrorCode.InternalError, error.message)
  }
}

/** A tool that ran and failed, or was called wrongly, is a result that a model can read (MCP 2025-11-25). */
export const isToolResult = (error: CallError) => error._tag === "Failed" || error._tag === "InvalidArguments"
