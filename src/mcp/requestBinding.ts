/** Binds a request state to one request: method, name and arguments. */
import { sha256 } from "../../layers/platform/digest.ts"
import { isObject } from "../domain/JsonObject.ts"

/** Replacer that sorts object keys, so that equal arguments have equal text. */
const sortKeys = (_key: string, value: unknown): unknown =>
  isObject(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
    : value

/** `label` and a digest of the params, without `_meta` and the members that differ from round to round. */
export const bindingOf = (label: string, params: unknown): string => {
  const { _meta, inputResponses: _answers, requestState: _state, ...rest } = isObject(params) ? params : {}
  return `${label} ${Buffer.from(sha256(JSON.stringify(rest, sortKeys))).toString("base64url")}`
}
