/** Starts this program as an AI client would, and lists its tools. */
import { Effect, Fiber, Option, type Path, Schema, Stream } from "effect"
import * as ChildProcess from "effect/process/ChildProcess"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { namedFile } from "../../../layers/config/ConfigDocument.ts"
import type { Environment } from "../../../layers/platform/Environment.ts"
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

export const selfTest: Check<Environment | Machine | Path.Path | ChildProcessSpawner> = {
  name: "stdio server",
  run: Effect.gen(function* () {
    const { launch } = yield* Machine
    const input = lines.map((line) => `${JSON.stringify(line)}\n`).join("")
    const file = yield* namedFile
    const words = file === undefined ? ["serve"] : ["serve", "--config", file]
    const child = yield* ChildProcess.make(launch.command, [...launch.args, ...words], {
      extendEnv: true,
      // The end of the input would be the end of the server, whether or not it has answered.
      stdin: Stream.concat(Stream.encodeText(Stream.succeed(input)), Stream.never),
      forceKillAfter: "1 second"
    })
    const said = yield* Effect.forkScoped(child.stderr.pipe(Stream.decodeText(), Stream.mkString))
    const listed = yield* child.stdout.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.map((line) => Schema.decodeOption(Listed)(line)),
      Stream.filter(Option.isSome),
      Stream.runHead,
      Effect.map(Option.flatten)
    )
    if (Option.isSome(listed)) return [ok(`starts, and lists ${listed.value.result.tools.length} tools`)]
    const reason = messageOf(yield* Fiber.join(said)).slice(0, mostShown)
    return [fail(`does not serve: ${reason || "it ended without an answer"}`)]
  }).pipe(Effect.scoped)
}
