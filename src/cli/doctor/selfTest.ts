/** Starts the stdio server as an AI client does, and lists its tools. */
import { Effect, Fiber, Option, type Path, Schema, Stream } from "effect"
import * as ChildProcess from "effect/process/ChildProcess"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { namedFile } from "../../../layers/config/ConfigDocument.ts"
import type { Environment } from "../../../layers/platform/Environment.ts"
import { Machine } from "../../../layers/platform/Machine.ts"
import { program } from "../../domain/version.ts"
import { type Check, fail, messageOf, ok } from "./Check.ts"

const messages = [
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

/** Maximum number of characters shown of the server's error output. */
const maxShown = 300

export const selfTest: Check<Environment | Machine | Path.Path | ChildProcessSpawner> = {
  name: "stdio server",
  run: Effect.gen(function* () {
    const { launch } = yield* Machine
    const input = messages.map((message) => `${JSON.stringify(message)}\n`).join("")
    const file = yield* namedFile
    const args = file === undefined ? ["serve"] : ["serve", "--config", file]
    const child = yield* ChildProcess.make(launch.command, [...launch.args, ...args], {
      extendEnv: true,
      // The server stops when its input ends, so the input stays open until the response was read.
      stdin: Stream.concat(Stream.encodeText(Stream.succeed(input)), Stream.never),
      forceKillAfter: "1 second"
    })
    const errorOutput = yield* Effect.forkScoped(child.stderr.pipe(Stream.decodeText(), Stream.mkString))
    const listed = yield* child.stdout.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.map((line) => Schema.decodeOption(Listed)(line)),
      Stream.filter(Option.isSome),
      Stream.runHead,
      Effect.map(Option.flatten)
    )
    if (Option.isSome(listed)) return [ok(`starts and lists ${listed.value.result.tools.length} tools`)]
    const reason = messageOf(yield* Fiber.join(errorOutput)).slice(0, maxShown)
    return [fail(`does not serve: ${reason || "it exited without a response"}`)]
  }).pipe(Effect.scoped)
}
