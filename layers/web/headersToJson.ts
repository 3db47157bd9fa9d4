/** Serializes response headers as JSON, with values of cookies and tokens masked. */

const hidden = "[redacted]"
/** Names of headers whose values are credentials. */
const secret =
  /(?:^|-)(?:authorization|auth|tokens?|secrets?|api-?key|passw(?:or)?d|session|csrf|xsrf|credentials?|signature)(?:-|$)/i
/** Longest value in UTF-16 units; longer ones are truncated. */
const longest = 1000

const maxHeaders = 100

/** Name and attributes of a cookie without its value. */
const cookie = (line: string) => {
  const [pair = "", ...attributes] = line.split(";")
  const name = pair.includes("=") ? `${pair.slice(0, pair.indexOf("="))}=` : ""
  return [`${name.trim()}${hidden}`, ...attributes].join(";")
}

/** JSON of name → value, names in lower case; several `Set-Cookie` are joined by `, `. */
export const headersToJson = (headers: Headers): string => {
  const shown = new Map<string, string>()
  for (const [name, value] of headers) {
    if (name === "set-cookie") continue
    if (shown.size >= maxHeaders) break
    shown.set(name, secret.test(name) ? hidden : value.slice(0, longest))
  }
  const cookies = headers.getSetCookie().map(cookie)
  if (cookies.length > 0) shown.set("set-cookie", cookies.join(", ").slice(0, longest))
  return JSON.stringify(Object.fromEntries(shown))
}
