/** Starts this program as an AI client would, and lists its tools. */
import { Effect, Schema, Stream } from "effect"
import * as ChildProcess from "effect/process/ChildProcess"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { Machine } from "../../../layers/platform/Machine.ts"
import { program } from "../../domain/version.ts"
import { type Check, fail, messageOf, ok } from "./Check.ts"

const lines = [
  {
    jsonrpc: "2.0",
    id: 0,
    method: "initialize",
    params: {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "doctor", version: program.version }
    }
  },
  { jsonrpc: "2.0", method: "notifications/initialized" },
  { jsonrpc: "2.0", id: 1, method: "tools/list" }
]

const Listed = Schema.fromJsonString(
  Schema.Struct({
    id: Schema.Literal(1),
    result: Schema.Struct({ tools: Schema.Array(Schema.Struct({ name: Schema.String })) })
  })
)

/** Of what a server says before it fails, in characters. */
const mostShown = 300

export const selfTest: Check<Machine | ChildProcessSpawner> = {
  name: "stdio server",
  run: Effect.gen(function* () {
    const { launch } = yield* Machine
    const input = lines.map((line) => `${JSON.stringify(line)}\n`).join("")
    const child = yield* ChildProcess.make(launch.command, [...launch.args, "serve"], {
      extendEnv: true,
      stdin: Stream.encodeText(Stream.succeed(input))
    })
    const [answers, said] = yield* Effect.all(
      [
        child.stdout.pipe(Stream.decodeText(), Stream.mkString),
        child.stderr.pipe(Stream.decodeText(), Stream.mkString)
      ],
      { concurrency: "unbounded" }
    )
    const last = answers.trim().split("\n").at(-1) ?? ""
    return yield* Schema.decodeEffect(Listed)(last).pipe(
      Effect.map(({ result }) => [ok(`starts, and lists ${result.tools.length} tools`)]),
      Effect.orElseSucceed(() => [
        fail(`does not serve: ${messageOf(said).slice(0, mostShown) || "it ended without an answer"}`)
      ])
    )
  }).pipe(Effect.scoped)
}
