/** Converts any error of a handler to `Failed`. */
import { errorClass } from "../domain/errorClass.ts"
import { transience } from "../domain/Transient.ts"
import { Failed } from "./CatalogError.ts"

/** `name`: the name of the entry. */
export const toFailed = (name: string, error: unknown): Failed => {
  if (error instanceof Failed) return error
  const transient = transience(error)
  return new Failed({
    name,
    detail: error instanceof Error ? error.message : String(error),
    reason: errorClass(error),
    ...(transient !== undefined && { transient })
  })
}
