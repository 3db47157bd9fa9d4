/** Redaction: no secret reaches the log in any wrapping, and other text stays readable. */
import { describe, expect, test } from "bun:test"
import { Redacted } from "effect"
import fc from "fast-check"
import { isSecretName, redact } from "../../../layers/logging/redact.ts"
import { mostCharacters, redactText } from "../../../layers/logging/redactText.ts"

const secret = "hunter2-hunter2"
const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.dGhlIHNpZ25hdHVyZQ"

describe("redaction of text:", () => {
  test.each([
    `Authorization: Bearer ${secret}`,
    `authorization: Basic ${secret}`,
    `Proxy-Authorization: Digest username="ada", response=${secret}`.replaceAll('"', ""),
    `the header was Bearer ${secret}, sadly`,
    `bearer  ${secret}`,
    `Cookie: theme=dark; session=${secret}`,
    `set-cookie: session=${secret}; HttpOnly`,
    `GET /mcp?access_token=${secret}&x=1`,
    `GET /mcp?x=1&api_key=${secret}`,
    `next=%2Fmcp%3Faccess_token%3D${secret}`,
    `{"password":"${secret}"}`,
    `{"password": "two words ${secret}"}`,
    `{\\"client_secret\\":\\"${secret}\\"}`,
    `{ apiKey: '${secret}' }`,
    `X-Api-Key: ${secret}`,
    `OPENAI_API_KEY=${secret}`,
    `accessToken=${secret}`,
    `postgres://ada:${secret}@db/manifold`,
    `redis://:${secret}@cache:6379`,
    `https://${secret}@host/path`,
    `https://ada:a@${secret}@host/path`,
    `-----BEGIN RSA PRIVATE KEY-----\n${secret}\n`.replaceAll("-hunter", "hunter")
  ])("%j", (text) => {
    expect(redactText(text)).not.toContain("hunter2")
    expect(redactText(text)).toContain("<redacted>")
  })

  test.each([
    "mcpt_abcdefgh12345678",
    "sk-abcdefgh12345678",
    "sk-ant-api03-abcdefgh",
    "gsk_abcdefgh12345678",
    "ghp_abcdefgh12345678",
    "AKIAABCDEFGHIJKLMNOP",
    jwt
  ])("the token %s is redacted anywhere in a text", (token) => {
    for (const text of [token, `(${token})`, `key ${token}.`, `a,${token},b`, `x=${token}`, `"${token}"`]) {
      expect(redactText(text)).not.toContain(token.slice(4, 12))
    }
  })

  test.each([
    "Bearer token required",
    'WWW-Authenticate: Bearer realm="mcp", error="invalid_token"',
    "Basic authentication is off",
    "used 12 tokens, max_tokens=100",
    "http://127.0.0.1:8000/mcp?x=1 answered 200",
    "ada@example.org wrote",
    "task-force and desk-lamp",
    "tool math.add succeeded"
  ])("%j is unchanged", (text) => {
    expect(redactText(text)).toBe(text)
  })

  test("long text is truncated together with a secret at the cut", () => {
    const shown = redactText("x".repeat(3 * mostCharacters))
    expect(shown.length).toBeLessThan(mostCharacters + 40)
    for (let before = 2 * mostCharacters - 60; before <= 2 * mostCharacters; before++) {
      const head = `Bearer ${"y".repeat(before - 40)} password="`
      expect(redactText(`${head}${secret} ${"z".repeat(100)}`)).not.toContain("hunter")
    }
  })

  test("long text is searched in linear time", () => {
    const evil = [
      "eyJaaaaaaaa-",
      "eyJaaaaa.",
      "://",
      "://a",
      'token="',
      "token ",
      "token\t\t\t",
      "Bearer ",
      "sk-",
      "cookie:",
      "-----BEGIN ",
      "npm_a-",
      "password"
    ]
    // A quadratic pattern would take minutes here and exceed the time limit of the test.
    for (const part of evil) redactText(part.repeat(mostCharacters).slice(0, 2 * mostCharacters))
  })
})

describe("redaction by name:", () => {
  test.each([
    "authorization",
    "Proxy-Authorization",
    "cookie",
    "Set-Cookie",
    "x-api-key",
    "apiKey",
    "access_token",
    "refreshToken",
    "client_secret",
    "PASSWORD",
    "privateKey",
    "mcp-session-id"
  ])("%s is secret", (name) => {
    expect(redact({ [name]: secret })).toEqual({ [name]: "<redacted>" })
    expect(redact([[name, secret]])).toEqual([[name, "<redacted>"]])
    expect(redact(new Map([[name, secret]]))).toEqual({ [name]: "<redacted>" })
    expect(redact({ name, value: secret })).toEqual({ name, value: "<redacted>" })
  })

  test("a number of tokens is not a secret, but a numeric password is", () => {
    expect(redact({ input_tokens: 12, tokens: true, password: 1234 })).toEqual({
      input_tokens: 12,
      tokens: true,
      password: "<redacted>"
    })
    expect(isSecretName("token", undefined)).toBe(false)
  })

  test("secret headers of a request are redacted", () => {
    const { headers } = new Request("http://x", { headers: { authorization: secret, accept: "a/b" } })
    expect(redact({ headers })).toEqual({ headers: { accept: "a/b", authorization: "<redacted>" } })
  })
})

/** Ways to nest a secret one level deeper. */
const wrap = fc.constantFrom<(inner: unknown) => unknown>(
  (inner) => ({ inner }),
  (inner) => [1, inner],
  (inner) => new Map([["inner", inner]]),
  (inner) => new Set([inner]),
  (inner) => Object.assign(new Error("wrapped"), { inner }),
  (inner) => new Error("caused", { cause: inner }),
  (inner) => ({ toJSON: () => ({ inner }) })
)
const hidden = fc.constantFrom<unknown>(
  Redacted.make(secret),
  { authorization: `Bearer ${secret}` },
  { deep: { headers: [["x-api-key", secret]] } },
  { password: secret },
  { token: { value: secret } },
  new Error(`GET https://ada:${secret}@host failed`),
  new URL(`https://host/?access_token=${secret}`),
  `Bearer ${secret}`,
  { [`Bearer ${secret}`]: 1 }
)

test("a secret is redacted at any nesting", () => {
  fc.assert(
    fc.property(hidden, fc.array(wrap, { maxLength: 12 }), fc.anything(), (value, wraps, noise) => {
      const nested = wraps.reduce((inner, each) => each(inner), value)
      expect(JSON.stringify(redact([noise, nested]))).not.toContain("hunter2")
    }),
    { numRuns: 2000 }
  )
})

test("any value becomes JSON of bounded size", () => {
  fc.assert(
    fc.property(fc.anything({ maxDepth: 6, withBigInt: true, withDate: true, withMap: true }), (value) => {
      JSON.stringify(redact(value))
    })
  )
  const wide = Array.from({ length: 100_000 }, (_, index) => ({ text: "x".repeat(1000), index }))
  expect(JSON.stringify(redact(wide)).length).toBeLessThan(100_000)
  const bush = (depth: number): unknown =>
    depth === 0 ? "leaf" : Array.from({ length: 30 }, () => bush(depth - 1))
  expect(JSON.stringify(redact(bush(4))).length).toBeLessThan(100_000)
})

test("a value that throws when it is read is replaced by a note", () => {
  const thrower = {
    get inner(): never {
      throw new Error(secret)
    }
  }
  expect(redact({ thrower, after: 1 })).toEqual({ thrower: "<unreadable>", after: 1 })
})
