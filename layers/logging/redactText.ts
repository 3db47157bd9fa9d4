/** Masks secrets in text by pattern: tokens, credentials in URLs, and values after secret names. */

export const mask = "<redacted>"

/** Maximum characters of one text in the log. */
export const mostCharacters = 8192

/** Fast check: most texts match none of these and are not searched further. */
const hint =
  /token|ticket|secret|pass|pwd|key|auth|cookie|credential|signature|session|assertion|verifier|bearer|basic|eyj|:\/\/|akia|aiza|[a-z]_|sk-|glpat-|pypi-|xox/i

/*
 * All patterns must run in linear time (ReDoS), because callers provide the text: repetitions are bounded, or end where
 * nothing of their kind follows and start only where nothing of their kind precedes.
 */
const separator = String.raw`\\?["']?[ \t]{0,4}(?:[:=]|%3[ad])[ \t]{0,4}`

/** The rest of the line is the secret: several words, or several cookies. */
const headers = new RegExp(String.raw`((?:authorization|cookie2?)${separator}\\?["']?)[^\r\n"'\\]+`, "gi")

const secretNames = [
  "token",
  "ticket",
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
  String.raw`((?:${secretNames})${separator})(?:\\?"[^"\r\n]*|\\?'[^'\r\n]*|[^\s"'&,;<>()[\]{}]+)`,
  "gi"
)

/** RFC 6750 and RFC 7617. Not a challenge (`Bearer realm="…"`) or prose. */
const schemes =
  /\b(bearer|basic)[ \t]{1,4}(?!(?:realm|error|error_description|scope|resource_metadata)=|(?:tokens?|auth|authentication|authorization|scheme)\b)[\w.~+/=-]+/gi

/** Tokens with known prefixes: of this program, model providers, code hosts and clouds. */
const knownPrefixes =
  /(?<![A-Za-z0-9])(?:(?:mcpt_|mcptk_|sk-|sk_|rk_|gsk_|gh[opsur]_|github_pat_|glpat-|npm_|hf_|pypi-|xox[abeoprs]-|AIza)[\w-]{8,}|AKIA[0-9A-Z]{16})/g

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
        .replace(knownPrefixes, mask)
        .replace(jwt, mask)
        .replace(userinfo, `://${mask}@`)
        .replace(pairs, `$1${mask}`)
    : text

/** The text with secrets masked, truncated to `mostCharacters` with a note of its length. */
export const redactText = (text: string): string => {
  if (text.length <= mostCharacters) return search(text)
  // A truncated secret may not be recognized, so more text is searched than shown.
  const window = search(text.slice(0, 2 * mostCharacters))
  const whole = text.length <= 2 * mostCharacters || window.length > mostCharacters
  const shown = whole ? window : window.slice(0, Math.max(0, window.lastIndexOf(" ")))
  return `${shown.slice(0, mostCharacters)}… (${text.length} characters)`
}
