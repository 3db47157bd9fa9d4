/** Reads fields of responses of unknown shape: a value of another type is the same as an absent one. */

interface Fields {
  readonly [name: string]: unknown
}

export const objectOf = (value: unknown): Fields | undefined =>
  // The check proves it, except for arrays.
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined

export const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** Undefined for the empty text as well. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

/** The reason why a response ended: one of another type is `unknown`, and an absent one undefined. */
export const stopReasonOf = (value: unknown): string | undefined =>
  textOf(value) ?? (value === undefined || value === null || value === "" ? undefined : "unknown")

/** The value of a table for a key from outside, which may be `constructor`. */
export const entryOf = <A>(table: Readonly<Record<string, A>>, key: string): A | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined

/** Ids of the entries of a list, such as one of models. */
export const idsOf = (list: unknown): ReadonlyArray<string> =>
  listOf(list).flatMap((entry) => textOf(objectOf(entry)?.["id"]) ?? [])
