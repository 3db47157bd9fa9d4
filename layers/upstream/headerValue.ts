/** Values of HTTP headers from any text, as MCP encodes them. */

/** Printable ASCII without outer spaces, and not like an encoded value. */
const plain = /^(?!=\?base64\?.*\?=$)(?! )[ -~]*(?<! )$/

/** A value that a header cannot carry is encoded (MCP 2026-07-28). */
export const toHeaderValue = (value: string): string =>
  plain.test(value) ? value : `=?base64?${Buffer.from(value).toString("base64")}?=`
