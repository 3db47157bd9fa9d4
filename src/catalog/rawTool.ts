/** Tools from raw JSON Schema, for sources that describe and check their tools themselves, such as upstream MCP servers. */
import { Effect } from "effect"
import type { OverBudget } from "../../layers/ledger/Spend.ts"
import type { Block, Icon, ToolOutput } from "../domain/Content.ts"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"
import { defaults, type Policy } from "../domain/Policy.ts"
import { Failed, InvalidArguments } from "./CatalogError.ts"
import type { CallServices, ToolEntry } from "./Entry.ts"

/** What `tools/list` says of a tool, and how to run it. */
export interface RawTool {
  readonly name: string
  readonly title?: string
  readonly description?: string
  readonly inputSchema: JsonObject
  readonly outputSchema?: JsonObject
  readonly annotations?: ToolEntry["hints"]
  readonly icons?: ReadonlyArray<Icon>
  readonly meta?: JsonObject
  /** What differs from the default policy. */
  readonly policy?: Partial<Policy>
}

/** A result as `tools/call` gives it: one with `isError` is a failure. */
export interface RawOutput extends ToolOutput {
  readonly isError?: boolean
}

/** For `detail`, in characters: logs get the beginning, the caller gets the whole output. */
const longestDetail = 2000

const detailOf = (content: ReadonlyArray<Block>): string => {
  const text = content
    .flatMap((block) => (block.type === "text" ? [block.text] : []))
    .join("\n")
    .trim()
  return text === "" ? "The tool failed without an error text." : text.slice(0, longestDetail)
}

/** Turns a result with `isError` into `Failed` with that output, so that Guard counts the call as failed. */
export const checkOutput = (
  name: string,
  { isError, ...output }: RawOutput
): Effect.Effect<ToolOutput, Failed> =>
  isError === true
    ? Effect.fail(new Failed({ name, detail: detailOf(output.content), reason: "ToolError", output }))
    : Effect.succeed(output)

/** An object with `properties`: model providers reject a list of tools in which one has none. */
const rooted = (schema: JsonObject): JsonObject =>
  schema.type === "object" && isObject(schema.properties)
    ? schema
    : { ...schema, type: "object", properties: isObject(schema.properties) ? schema.properties : {} }

/** Both schemas reach clients unchanged, except for an input whose root is no object with properties. */
export const rawTool = (
  { annotations = {}, inputSchema, meta, outputSchema, policy, ...named }: RawTool,
  call: (args: JsonObject) => Effect.Effect<RawOutput, InvalidArguments | Failed | OverBudget, CallServices>
): ToolEntry => {
  const { name } = named
  return {
    ...named,
    ...(meta !== undefined && { meta }),
    input: rooted(inputSchema),
    ...(outputSchema !== undefined && { output: outputSchema }),
    hints: annotations,
    policy: { ...defaults, ...policy },
    call: (args = {}) =>
      isObject(args)
        ? Effect.flatMap(call(args), (output) => checkOutput(name, output))
        : Effect.fail(
            new InvalidArguments({ name, issues: [{ path: "", message: "Expected a JSON object" }] })
          )
  }
}
