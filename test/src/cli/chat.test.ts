/** `manifold chat` as a person uses it: in a terminal, and in scripts. */
import { describe, expect } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { response, script, type Said } from "../../support/chat.ts"
import { it } from "../../support/effect.ts"
import { chunk, events, local } from "../../support/models.ts"
import { manifold } from "../../support/stdio.ts"
import { terminal } from "../../support/terminal.ts"

const root = new URL("../../../", import.meta.url).pathname
const greeter = { command: process.execPath, args: [`${root}test/support/greeterProcess.ts`] }
const everything = {
  command: "node",
  args: [`${root}node_modules/@modelcontextprotocol/server-everything/dist/index.js`, "stdio"]
}

const settings = (url: string, more: Record<string, unknown> = {}) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-chat-"))),
      (dir) => Effect.promise(() => rm(dir, { recursive: true, force: true }))
    ),
    (dir) => ({ MCP_CONFIG_JSON: JSON.stringify({ llm: local(url), storage: { dir }, ...more }) })
  )

describe("in a script", () => {
  it.live("prints the answer to a message of the command line, or of standard input", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(["It is **5**."])
      const env = yield* settings(url)
      const given = yield* manifold(["chat", "2 + 3?"], { env })
      expect(given).toMatchObject({ code: 0, stdout: "It is **5**.\n", stderr: "" })
      const piped = yield* manifold(["chat", "-", "--model", "other"], { env, stdin: "2 + 3?\n" })
      expect(piped).toMatchObject({ code: 0, stdout: "It is **5**.\n" })
      expect(requests.map(({ body }) => Object(body)["model"])).toEqual(["m", "other"])
    })
  )

  it.live("refuses a message on standard input that is longer than the limit", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(["Hi"])
      const env = yield* settings(url, { llm: { ...local(url), max_input_bytes: 1000 } })
      const { code, stderr } = yield* manifold(["chat", "-"], { env, stdin: "x".repeat(5_000_000) })
      expect([code, stderr]).toEqual([1, expect.stringContaining("llm.max_input_bytes")])
      expect(requests).toHaveLength(0)
    })
  )

  it.live("fails with the reason, without a model and for an unknown conversation", () =>
    Effect.gen(function* () {
      const env = { MCP_CONFIG_JSON: "{}", OPENAI_API_KEY: "", ANTHROPIC_API_KEY: "", GROQ_API_KEY: "" }
      const without = yield* manifold(["chat", "Hi"], { env })
      expect([without.code, without.stderr]).toEqual([1, expect.stringContaining("OPENAI_API_KEY")])
      const { url } = yield* script(["Hi"])
      const unknown = yield* manifold(["chat", "Hi", "--conversation", "nowhere"], {
        env: yield* settings(url)
      })
      expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("nowhere")])
      const other = yield* manifold(["chat", "Hi", "--provider", "nowhere"], { env: yield* settings(url) })
      expect([other.code, other.stderr]).toEqual([
        1,
        expect.stringContaining("provider: There is no provider nowhere. Choose one of local.")
      ])
    })
  )
})

describe("in a terminal", () => {
  it.live("shows text, tools and cost, stops an answer with Ctrl-C, and ends with Ctrl-D", () =>
    Effect.gen(function* () {
      const call: Said = { calls: [{ id: "c1", name: "math_add", args: { a: 2, b: 3 } }] }
      const { url } = yield* script(
        call,
        ["It is **5**.\n"],
        () => events([chunk({ content: "Endless words" })], "open"),
        ["After it.\n"]
      )
      const { exited, type, until } = yield* terminal(["chat"], yield* settings(url))
      yield* until("> ")
      yield* type("2 + 3?\r")
      yield* until("→ math.add")
      yield* until("It is 5.")
      yield* until("30 tokens")
      yield* until("> ")
      yield* type("Go on\r")
      yield* until("Endless words")
      yield* type("\u0003")
      yield* until("stopped")
      yield* until("> ")
      yield* type("And now?\r")
      yield* until("After it.")
      yield* until("> ")
      yield* type("\u0004")
      yield* until("manifold chat --conversation")
      expect(yield* exited).toBe(0)
    })
  )

  it.live("asks before it calls a tool that may destroy something", () =>
    Effect.gen(function* () {
      const name = `${"Ann ".repeat(60)}Smith`
      const call: Said = { calls: [{ id: "c1", name: "greeter__greet", args: { name } }] }
      const { url } = yield* script(
        call,
        ["Declined.\n"],
        () => response(call),
        ["Greeted.\n"],
        () => response(call),
        ["After it.\n"]
      )
      const { type, until } = yield* terminal(["chat"], yield* settings(url, { mcpServers: { greeter } }))
      yield* until("> ")
      yield* type("Greet\r")
      yield* until("greeter__greet")
      // The end of the arguments as well.
      yield* until('Smith"} [y/N] ')
      yield* type("n\r")
      expect(yield* until("Declined.")).not.toContain("→")
      yield* until("> ")
      yield* type("Greet\r")
      yield* until("[y/N] ")
      yield* type("y\r")
      yield* until("→ greeter__greet")
      yield* until("Greeted.")
      yield* until("> ")
      yield* type("Greet\r")
      yield* until("[y/N] ")
      yield* type("\u0003")
      yield* until("stopped")
      yield* until("> ")
      yield* type("And now?\r")
      yield* until("After it.")
    })
  )

  it.live("shows the form of a tool, explains what does not fit, and lets it be declined", () =>
    Effect.gen(function* () {
      const call: Said = {
        calls: [{ id: "c1", name: "everything__trigger-elicitation-request", args: {} }]
      }
      const { url } = yield* script(call, ["Thanks.\n"], () => response(call), ["Declined.\n"])
      const { type, until } = yield* terminal(["chat"], yield* settings(url, { mcpServers: { everything } }))
      yield* until("> ")
      yield* type("Register me\r")
      yield* until("Answer? [Y/n] ")
      yield* type("y\r")
      yield* until("full, legal name): ")
      yield* type("Ann\r")
      yield* until("y/n), optional: ")
      yield* type("maybe\r")
      yield* until("Expected y or n.")
      yield* type("y\r")
      yield* until("first line of a story) [")
      yield* type("\r")
      for (const field of ["email", "uri", "date"]) {
        yield* until(`String with ${field} format`)
        yield* type("\r")
      }
      yield* until("Integer (")
      yield* type("7\r")
      yield* until("Number in range")
      yield* type("2000\r")
      yield* until("Expected at most 1000.")
      yield* type("10\r")
      yield* until("Monica, Rachel")
      yield* type("Joey\r")
      yield* until("several of Guitar")
      yield* type("Piano, Bass\r")
      yield* until("hero-2: Green Lantern")
      yield* type("hero-2\r")
      yield* until("fish-2: Salmon")
      yield* type("fish-2\r")
      yield* until("pet-1, pet-2")
      yield* type("\r")
      yield* until("Name: Ann")
      yield* until("Thanks.")
      yield* until("> ")
      yield* type("Again\r")
      yield* until("Answer? [Y/n] ")
      yield* type("n\r")
      yield* until("declined to provide")
      yield* until("Declined.")
    })
  )
})
