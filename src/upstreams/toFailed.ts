/** Errors of upstream servers as errors of the catalog. */
import type { UpstreamError } from "../../layers/upstream/UpstreamError.ts"
import { Failed } from "../catalog/CatalogError.ts"

/** An error with a JSON-RPC code is the server's response; without a code the server is unreachable. */
export const toFailed =
  (name: string) =>
  ({ code, data, message, permanent, signIn, unsent }: UpstreamError): Failed =>
    new Failed({
      name,
      detail: message,
      reason: code === undefined ? "UpstreamUnavailable" : "UpstreamError",
      ...(code === undefined && unsent && permanent !== true && signIn === undefined && { transient: {} }),
      // Codes of this program are positive.
      ...(code !== undefined && code < 0 && { code, ...(data !== undefined && { data }) })
    })
