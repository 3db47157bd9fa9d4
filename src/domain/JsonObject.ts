/** JSON objects as plain data: type and type guard. */

export type JsonObject = { readonly [key: string]: unknown }

/** False for arrays and `null`. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)
