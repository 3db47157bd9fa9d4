/** Bodies of requests to the OAuth server that arrive slowly, without end or malformed: others are served meanwhile. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { sqlite } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { tokensOf, withAlice } from "../support/oauth.ts"
import { dial } from "../support/rawHttp.ts"

const head = (port: string, path: string, more: string) =>
  [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Content-Type: application/x-www-form-urlencoded",
    more,
    "",
    ""
  ].join("\r\n")

it.live("a person signs in while many requests send their bodies slowly", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    const { port } = new URL(base)
    // More than the server handles at once.
    const slow = Array.from({ length: 40 }, (_, index) => {
      const connection = dial(Number(port))
      const path = index % 2 === 0 ? "/oauth/token" : "/oauth/revoke"
      connection.write(head(port, path, "Content-Length: 1000"))
      connection.write("grant_type=")
      return connection
    })
    const tokens = yield* tokensOf(base)
    expect(tokens.access_token).toMatch(/^[\w-]{43}$/)
    // None of them has ended before.
    const replies = slow.map((connection) => connection.next().then(() => "ended"))
    expect(yield* Effect.promise(() => Promise.race([...replies, Promise.resolve("slow")]))).toBe("slow")
    for (const connection of slow) connection.end()
  })
)

it.live("a body without end is 413, and a malformed one is 400", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    const { port } = new URL(base)
    const send = (path: string, bytes: string) =>
      Effect.promise(async () => {
        const connection = dial(Number(port))
        connection.write(head(port, path, "Transfer-Encoding: chunked"))
        connection.write(bytes)
        const { status } = await connection.next()
        connection.end()
        return status
      })
    const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`
    for (const path of ["/oauth/token", "/oauth/register", "/oauth/revoke", "/oauth/account"]) {
      expect([path, yield* send(path, chunk.repeat(4))]).toEqual([path, 413])
      expect(yield* send(path, "5\r\nhello\r\nnonsense\r\n")).toBe(400)
    }
  })
)
