/** Draws `docs/chat.svg`: a conversation in `manifold chat`, with a model whose answers are given. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { chunk, done, events, openai, server, usage } from "./models.ts"
import { terminal } from "./terminal.ts"
import { terminalSvg } from "./terminalSvg.ts"

const root = new URL("../../", import.meta.url).pathname
const dir = await mkdtemp(join(tmpdir(), "manifold-picture-"))

const add = {
  index: 0,
  id: "c1",
  type: "function",
  function: { name: "math_add", arguments: '{"a":1234,"b":5678}' }
}
const answers = [
  [chunk({ tool_calls: [add] }), chunk({}, { finish: "tool_calls" }), usage(1200, 20), done],
  [
    chunk({
      content: "The sum is **6912**:\n\n| number | digits |\n|---|---|\n| 1234 | 4 |\n| 5678 | 4 |\n"
    }),
    chunk({}, { finish: "stop" }),
    usage(1250, 40),
    done
  ]
]

const lines = await Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      let call = 0
      const { url } = yield* server(() => events(answers[call++] ?? []))
      const config = { llm: openai(url), usage: { cost_daily_max: 5 }, storage: { dir } }
      const { exited, type, until } = yield* terminal(["chat"], { MCP_CONFIG_JSON: JSON.stringify(config) })
      yield* until("> ")
      yield* type("Add 1234 and 5678, and count their digits\r")
      const shown = yield* until("left")
      yield* type("/exit\r")
      yield* exited
      return `> ${shown}`.split(/\r*\n/).map((line) => line.slice(line.lastIndexOf("\r") + 1))
    })
  )
)
await rm(dir, { recursive: true, force: true })
await Bun.write(
  `${root}docs/chat.svg`,
  terminalSvg([{ command: "manifold chat", lines }], "manifold chat in a terminal")
)
