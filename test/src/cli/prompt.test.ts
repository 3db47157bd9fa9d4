/** `manifold prompt` as a process: text, JSON, variables and errors. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { it } from "../../support/effect.ts"
import { manifold } from "../../support/stdio.ts"

const env = {
  MCP_CONFIG_JSON:
    '{"prompts":{"summarize":{"defaults":{"tone":"concise"},"clients":{"acme":{"tone":"detailed","style":"academic"}}}}}'
}
const prompt = (...args: ReadonlyArray<string>) => manifold(["prompt", ...args], { env })

describe("manifold prompt", () => {
  it.live("prints the prompt with the variables of a client", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* prompt("summarize", "--arg", "topic=Tide pools", "--client", "acme")
      expect(code).toBe(0)
      expect(stdout).toContain("<topic>Tide pools</topic>")
      expect(stdout).toContain("<tone>detailed</tone>")
    })
  )

  it.live("prints the MCP result as JSON", () =>
    Effect.gen(function* () {
      const { stdout } = yield* prompt("summarize", "--arg", "topic=a=b", "--json")
      const { messages } = JSON.parse(stdout) as { messages: [{ role: string; content: { text: string } }] }
      expect(messages[0].role).toBe("user")
      expect(messages[0].content.text).toContain("<topic>a=b</topic>")
    })
  )

  it.live("shows the merged variables and the source of each, also without required arguments", () =>
    Effect.gen(function* () {
      const { stdout } = yield* prompt("summarize", "--client", "acme", "--arg", "bullets_min=5", "--vars")
      expect(stdout.trimEnd().split("\n")).toEqual([
        "topic        -           required",
        'tone         "detailed"  client acme',
        'audience     "general"   built in',
        "bullets_min  5           argument",
        "bullets_max  6           built in",
        'style        "academic"  client acme',
        "language     -           not given",
        'client_id    "acme"      argument'
      ])
      const { stdout: json } = yield* prompt("summarize", "--vars", "--json")
      expect(JSON.parse(json)).toMatchObject({
        topic: { value: null, from: null },
        tone: { value: "concise", from: "defaults" },
        client_id: { value: null, from: null }
      })
    })
  )

  it.live("explains an unknown prompt, a missing argument and an unknown argument", () =>
    Effect.gen(function* () {
      const cases = [
        [["absent"], "Unknown prompt: absent"],
        [["absent", "--vars"], "Prompts with variables: content_create, summarize"],
        [["summarize"], "topic: "],
        [["summarize", "--vars", "--arg", "tne=x"], 'did you mean "tone"?']
      ] as const
      for (const [args, expected] of cases) {
        const { code, stderr, stdout } = yield* prompt(...args)
        expect({ ok: code === 0, stdout }).toEqual({ ok: false, stdout: "" })
        expect(stderr).toContain(expected)
      }
    })
  )
})
