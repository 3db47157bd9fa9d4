/** `manifold call <tool>`: runs one tool with arguments from a file, standard input or `--arg`. */
import { Console, Effect, Option, Predicate, Schema, Stdio, Stream } from "effect"
import * as FileSystem from "effect/FileSystem"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Ids } from "../../layers/platform/Ids.ts"
import { describeFileError } from "../../layers/platform/describeFileError.ts"
import { Caller } from "../catalog/Caller.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { Client } from "../catalog/Client.ts"
import type { ToolOutput } from "../domain/Content.ts"
import { isObject } from "../domain/JsonObject.ts"
import { stdioUser } from "../domain/Principal.ts"
import { argFlag } from "./argFlag.ts"
import { withBar } from "./progressBar.ts"
import { catalog } from "../program/program.ts"
import { namesOf } from "./allPages.ts"
import { toolArguments } from "./toolArguments.ts"
import { unknownName, UsageError } from "./UsageError.ts"

const readSource = Effect.fnUntraced(function* (source: string) {
  if (source === "-") {
    const stdio = yield* Stdio.Stdio
    return yield* stdio.stdin.pipe(Stream.decodeText(), Stream.mkString)
  }
  const files = yield* FileSystem.FileSystem
  return yield* files.readFileString(source)
})

/** The tool returned a result whose `error` is set; the exit code is 1 so that scripts notice. */
class ToolReported extends Schema.TaggedError<ToolReported>()("ToolReported", {
  tool: Schema.String,
  error: Schema.String
}) {
  override get message() {
    return `${this.tool}: ${this.error}`
  }
}

/** The member `error` of the structured result, such as that of `web.fetch_url`. */
const errorOf = ({ structured }: ToolOutput): string | undefined => {
  const error = isObject(structured) ? structured.error : undefined
  return typeof error === "string" && error !== "" ? error : undefined
}

export const call = Command.make(
  "call",
  {
    tool: Argument.String("tool").pipe(Argument.withDescription("Name of the tool, such as math.add")),
    params: Argument.String("params").pipe(
      Argument.withDescription("JSON file with the arguments, or - for standard input"),
      Argument.optional
    ),
    arg: argFlag("Set one argument; overrides the file. Parsed as JSON unless the schema expects a string"),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print the whole result as JSON"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ arg, json, params, tool }) {
    const text = Option.isSome(params)
      ? yield* Effect.mapError(
          readSource(params.value),
          ({ reason }) =>
            new UsageError({ detail: `Cannot read ${params.value}: ${describeFileError(reason)}` })
        )
      : undefined
    const entries = yield* Catalog
    const properties = (yield* entries.tool(stdioUser, tool))?.input.properties
    const args = yield* toolArguments(text, arg, Predicate.isObject(properties) ? { ...properties } : {})
    const requestId = yield* (yield* Ids).next
    const output = yield* withBar(tool, (onProgress) =>
      entries
        .call(stdioUser, tool, args)
        .pipe(
          Effect.provideService(Client, Client.absent),
          Effect.provideService(Caller, { principal: stdioUser, requestId, onProgress }),
          Effect.catchTag("NotFound", unknownName("tools", namesOf(entries.tools)))
        )
    )
    const error = errorOf(output)
    if (json) {
      yield* Console.log(
        JSON.stringify({
          content: output.content,
          structuredContent: output.structured,
          _meta: output.meta
        })
      )
    } else if (error === undefined) {
      for (const block of output.content) {
        if (block.type === "text") yield* Console.log(block.text)
        else if (block.type === "resource_link") yield* Console.log(`\n${block.uri}`)
        else yield* Console.log(JSON.stringify(block))
      }
    }
    if (error !== undefined) return yield* new ToolReported({ tool, error })
  }, Effect.provide(catalog))
).pipe(
  Command.withDescription("Run one tool"),
  Command.withExamples([
    { command: "manifold call math.add --arg a=2 --arg b=3", description: "Arguments on the command line" },
    {
      command: "manifold call math.add params.json --json",
      description: "Arguments from a file, result as JSON"
    }
  ])
)
