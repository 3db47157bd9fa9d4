/** Sets of OAuth scopes as text, separated by spaces (RFC 6749, section 3.3). */

const split = (scope: string | undefined): ReadonlyArray<string> =>
  scope === undefined ? [] : scope.split(" ").filter((each) => each !== "")

/** Each scope once, in the order of their first appearance; `undefined` if there is none. */
export const union = (...scopes: ReadonlyArray<string | undefined>): string | undefined => {
  const all = new Set(scopes.flatMap(split))
  return all.size === 0 ? undefined : [...all].join(" ")
}

/** Whether every scope of `part` is in `whole`. */
export const includesScopes = (whole: string | undefined, part: string | undefined): boolean => {
  const known = new Set(split(whole))
  return split(part).every((each) => known.has(each))
}
