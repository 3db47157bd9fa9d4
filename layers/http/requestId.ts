/** Validates request and correlation ids that callers send: the one rule for response header, log, trace and error. */

/** Characters that are safe in a log line, a header and another system's search field. */
const pattern = /^[A-Za-z0-9._:/+=@-]{1,128}$/

/** The id, or `undefined` when it is absent or malformed; a malformed id counts as absent. */
export const validId = (value: string | null | undefined): string | undefined =>
  value != null && pattern.test(value) ? value : undefined

/** The valid `X-Request-Id` of a request. */
export const requestIdOf = (headers: Headers): string | undefined => validId(headers.get("x-request-id"))
