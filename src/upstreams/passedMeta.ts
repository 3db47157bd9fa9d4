/** `_meta` of a caller's request, as it is passed on to an upstream server. */
import type { Caller } from "../catalog/Caller.ts"
import { chainKey } from "../domain/instanceChain.ts"
import type { JsonObject } from "../domain/JsonObject.ts"
import { toTraceparent } from "../domain/Trace.ts"

/** Describes one connection: protocol version, client, capabilities, log level. */
const protocolPrefix = "io.modelcontextprotocol/"
/** The connection to the server sets its own, or it is derived from the caller. */
const own: ReadonlySet<string> = new Set(["progressToken", "traceparent", chainKey])

const isPassed = (key: string) => !own.has(key) && !key.startsWith(protocolPrefix)

/** Without the keys of the caller's connection, and with its trace, also one from a header. `undefined`: nothing is left. */
export const passedMeta = ({
  meta,
  trace
}: Pick<Caller["Service"], "meta" | "trace">): JsonObject | undefined => {
  const passed =
    meta !== undefined && Object.keys(meta).some(isPassed)
      ? Object.fromEntries(Object.entries(meta).filter(([key]) => isPassed(key)))
      : undefined
  return trace === undefined ? passed : { ...passed, traceparent: toTraceparent(trace) }
}
