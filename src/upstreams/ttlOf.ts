/** The cache TTL in a result of an upstream server (MCP 2026-07-28, `ttlMs`). */
import type { JsonObject } from "../domain/JsonObject.ts"

/** In milliseconds; `undefined` without a valid one. */
export const ttlOf = ({ ttlMs }: JsonObject): number | undefined =>
  typeof ttlMs === "number" && ttlMs >= 0 ? ttlMs : undefined
