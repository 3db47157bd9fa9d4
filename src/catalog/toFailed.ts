/** Turns whatever a handler failed with into the catalog's own error. */
import { errorClass } from "../domain/errorClass.ts"
import { transience } from "../domain/Transient.ts"
import { Failed } from "./CatalogError.ts"

/** `name` is that of the entry. */
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
