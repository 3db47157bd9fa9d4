/** Binds a request state to one request: its method, its name and its arguments. */
import { sha256 } from "../../layers/platform/digest.ts"
import { isObject } from "../domain/JsonObject.ts"

/** JSON with the keys of objects in order, so that the same arguments make the same text. */
const ordered = (_key: string, value: unknown): unknown =>
  isObject(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
    : value

/** `label` and a digest of what is requested. What differs from round to round is left out, and so is `_meta`. */
export const bindingOf = (label: string, params: unknown): string => {
  const { _meta, inputResponses: _answers, requestState: _state, ...asked } = isObject(params) ? params : {}
  return `${label} ${Buffer.from(sha256(JSON.stringify(asked, ordered))).toString("base64url")}`
}
