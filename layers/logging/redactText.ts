/** Finds secrets in text by their look: tokens, credentials in URLs, and what stands beside a telling name. */

export const mask = "<redacted>"

/** Characters of one text that are logged; what follows is cut off. */
export const mostCharacters = 8192

/** Nothing is searched in a text without any of these, which is most of them. */
const hint =
  /token|secret|pass|pwd|key|auth|cookie|credential|signature|session|assertion|verifier|bearer|basic|eyj|:\/\/|akia|aiza|[a-z]_|sk-|glpat-|pypi-|xox/i

/*
 * No pattern may take more than linear time, since callers write what is searched: a repetition is bounded, or ends
 * where nothing of its kind follows, and starts only where nothing of its kind precedes.
 */
const separator = String.raw`\\?["']?[ \t]{0,4}(?:[:=]|%3[ad])[ \t]{0,4}`

/** The whole rest of the line is the secret: several words, or several cookies. */
const headers = new RegExp(String.raw`((?:authorization|cookie2?)${separator}\\?["']?)[^\r\n"'\\]+`, "gi")

const telling = [
  "token",
  "secret",
  "password",
  "passwd",
  "passphrase",
  "pwd",
  "api[_-]?key",
  "private[_-]?key",
  "access[_-]?key",
  "credentials?",
  "signature",
  "session[_-]?id",
  "code[_-]?verifier",
  "assertion"
].join("|")
const pairs = new RegExp(
  String.raw`((?:${telling})${separator})(?:\\?"[^"\r\n]*|\\?'[^'\r\n]*|[^\s"'&,;<>()[\]{}]+)`,
  "gi"
)

/** RFC 6750 and RFC 7617. A challenge (`Bearer realm="…"`) says no secret, and prose goes on with a word. */
const schemes =
  /\b(bearer|basic)[ \t]{1,4}(?!(?:realm|error|error_description|scope|resource_metadata)=|(?:tokens?|auth|authentication|authorization|scheme)\b)[\w.~+/=-]+/gi

/** Tokens whose issuers mark them: our own, model providers', code hosts' and clouds'. */
const marked =
  /(?<![A-Za-z0-9])(?:(?:mcpt_|sk-|sk_|rk_|gsk_|gh[opsur]_|github_pat_|glpat-|npm_|hf_|pypi-|xox[abeoprs]-|AIza)[\w-]{8,}|AKIA[0-9A-Z]{16})/g

/** RFC 7519: three parts, of which the first is a JSON object in base64url. */
const jwt = /(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*){0,3}/g

/** RFC 3986, section 3.2.1. */
const userinfo = /:\/\/[^\s/?#"'<>]{1,1024}@/g

const pem = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*/g

const search = (text: string): string =>
  hint.test(text)
    ? text
        .replace(pem, mask)
        .replace(headers, `$1${mask}`)
        .replace(schemes, `$1 ${mask}`)
        .replace(marked, mask)
        .replace(jwt, mask)
        .replace(userinfo, `://${mask}@`)
        .replace(pairs, `$1${mask}`)
    : text

/** The text without its secrets, and not longer than `mostCharacters` and a note of what is missing. */
export const redactText = (text: string): string => {
  if (text.length <= mostCharacters) return search(text)
  // A secret that is cut in two may not be recognised, so more is searched than is shown.
  const window = search(text.slice(0, 2 * mostCharacters))
  const whole = text.length <= 2 * mostCharacters || window.length > mostCharacters
  const shown = whole ? window : window.slice(0, Math.max(0, window.lastIndexOf(" ")))
  return `${shown.slice(0, mostCharacters)}… (${text.length} characters)`
}
