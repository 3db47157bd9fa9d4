/** SDK server that reports rejections by the SDK's schemas as invalid params: one sentence with the path. */
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

/** Maximum length of a message of the schema library that is sent to a client, in UTF-16 units. */
const maxLength = 200

/** The first issue in the SDK's error message, which contains them as JSON; `undefined` without issues. */
const firstIssue = (message: string): string | undefined => {
  const start = message.indexOf("[")
  if (start === -1) return undefined
  try {
    const [issue] = JSON.parse(message.slice(start)) as ReadonlyArray<unknown>
    if (!isObject(issue) || !Array.isArray(issue.path) || typeof issue.message !== "string") return undefined
    const path = issue.path.map(String).join(".")
    return `${path}: ${issue.message.slice(0, maxLength)}`
  } catch {
    return undefined
  }
}

const isOwn = (error: unknown): error is ProtocolError =>
  error instanceof ProtocolError && !error.message.startsWith("Invalid tools/call request: ")

/** Errors of the SDK's request schemas have no code, or a JSON dump as their message. */
const translate = (error: unknown): unknown => {
  if (isOwn(error) || !(error instanceof Error)) return error
  const issue = firstIssue(error.message)
  return issue === undefined ? error : new ProtocolError(invalidParams, `Invalid params: ${issue}`)
}

export class CatalogServer extends Server {
  /** SDK hook around every handler, including the SDK's own; called by the constructor of `Server`. */
  protected override _wrapHandler(method: string, handler: Handler): Handler {
    const wrapped = super._wrapHandler(method, handler)
    return (request, context) =>
      wrapped(request, context).catch((error: unknown) => {
        throw translate(error)
      })
  }
}
