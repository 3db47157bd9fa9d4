/** A JSON object as plain data: its type, and the check for it. */

export type JsonObject = { readonly [key: string]: unknown }

/** Arrays and `null` are no objects in JSON. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)
