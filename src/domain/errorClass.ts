/** Classifies any error by one word: its `reason`, else its `_tag`, else its `name`. */

export const errorClass = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return typeof error
  const { name, reason, _tag } = error as { reason?: unknown; _tag?: unknown; name?: unknown }
  return [reason, _tag, name].find((word) => typeof word === "string") ?? "Error"
}
