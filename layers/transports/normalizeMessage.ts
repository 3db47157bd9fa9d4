/** Normalizes lenient JSON-RPC messages: removes `null` and extra members, completes `initialize`. */
import { isObject, type JsonObject } from "../../src/domain/JsonObject.ts"

/** Levels of `params`, and of a client's result, that are searched for `null`: `clientInfo.icons` is on the second. */
const paramsDepth = 3
const resultDepth = 1

const hasNull = (given: JsonObject, depth: number, except: string | undefined): boolean => {
  for (const key in given) {
    const value = given[key]
    if (value === null) return true
    if (depth > 1 && key !== except && isObject(value) && hasNull(value, depth - 1, undefined)) return true
  }
  return false
}

const strip = (given: JsonObject, depth: number, except?: string): JsonObject =>
  Object.fromEntries(
    Object.entries(given)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [
        key,
        depth > 1 && key !== except && isObject(value) ? strip(value, depth - 1) : value
      ])
  )

/** Removes `null` members, except below the member `except`. Returns the same object if there is none. */
const withoutNulls = (given: JsonObject, depth: number, except?: string): JsonObject =>
  hasNull(given, depth, except) ? strip(given, depth, except) : given

/** Adds required parts of `initialize` that older clients omit. */
const completed = (params: JsonObject): JsonObject => {
  const { capabilities, clientInfo } = params
  if (capabilities !== undefined && clientInfo !== undefined) return params
  return {
    ...params,
    ...(capabilities === undefined && { capabilities: {} }),
    ...(clientInfo === undefined && { clientInfo: { name: "unknown", version: "0" } })
  }
}

const normalizedParams = (method: unknown, params: JsonObject): JsonObject => {
  // Arguments of tools may be null: the tool's schema decides.
  const given = withoutNulls(params, paramsDepth, method === "tools/call" ? "arguments" : undefined)
  return method === "initialize" ? completed(given) : given
}

/** The members of messages (JSON-RPC 2.0, sections 4 and 5). Hot path: faster than a set. */
const isMember = (key: string): boolean =>
  key === "jsonrpc" ||
  key === "id" ||
  key === "method" ||
  key === "params" ||
  key === "result" ||
  key === "error"

const isPlain = (message: JsonObject): boolean => {
  for (const key in message) if (!isMember(key)) return false
  return true
}

/**
 * The message as the specification defines it; the same object if nothing changes. Expects a message that passed
 * `mistake` of `jsonRpc.ts`.
 */
export const normalizeMessage = (message: JsonObject): JsonObject => {
  const known = isPlain(message)
    ? message
    : Object.fromEntries(Object.entries(message).filter(([key]) => isMember(key)))
  const { method, params, result } = known
  if (method === undefined) {
    if (!isObject(result)) return known
    const given = withoutNulls(result, resultDepth)
    return given === result ? known : { ...known, result: given }
  }
  if (params === null) {
    const { params: _, ...rest } = known
    return rest
  }
  if (!isObject(params)) return known
  const given = normalizedParams(method, params)
  return given === params ? known : { ...known, params: given }
}
