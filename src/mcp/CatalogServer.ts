/** The SDK's server, whose schemas report what they reject as invalid params: one sentence with the path. */
import {
  ProtocolError,
  Server,
  type JSONRPCRequest,
  type Result,
  type ServerContext
} from "@modelcontextprotocol/server"
import { invalidParams } from "../domain/errorCodes.ts"
import { isObject } from "../domain/JsonObject.ts"

type Handler = (request: JSONRPCRequest, context: ServerContext) => Promise<Result>

/** Longest message of the schema library that is sent to a client, in UTF-16 units. */
const longest = 200

/** The first of the issues that the SDK puts into the message of its error as JSON; `undefined` if it has none. */
const firstIssue = (message: string): string | undefined => {
  const start = message.indexOf("[")
  if (start === -1) return undefined
  try {
    const [issue] = JSON.parse(message.slice(start)) as ReadonlyArray<unknown>
    if (!isObject(issue) || !Array.isArray(issue.path) || typeof issue.message !== "string") return undefined
    const path = issue.path.map(String).join(".")
    return `${path}: ${issue.message.slice(0, longest)}`
  } catch {
    return undefined
  }
}

const isOwn = (error: unknown): error is ProtocolError =>
  error instanceof ProtocolError && !error.message.startsWith("Invalid tools/call request: ")

/** Errors of the SDK's request schemas have no code, or a dump as message. */
const translated = (error: unknown): unknown => {
  if (isOwn(error) || !(error instanceof Error)) return error
  const issue = firstIssue(error.message)
  return issue === undefined ? error : new ProtocolError(invalidParams, `Invalid params: ${issue}`)
}

export class CatalogServer extends Server {
  /** The SDK's hook around every handler, its own included; the constructor of `Server` calls it. */
  protected override _wrapHandler(method: string, handler: Handler): Handler {
    const wrapped = super._wrapHandler(method, handler)
    return (request, context) =>
      wrapped(request, context).catch((error: unknown) => {
        throw translated(error)
      })
  }
}
