/** Tool entries from raw JSON Schema, for sources that validate arguments themselves, such as upstream MCP servers. */
import { Effect } from "effect"
import type { OverBudget } from "../../layers/ledger/Spend.ts"
import type { Block, Icon, ToolOutput } from "../domain/Content.ts"
import type { InstanceChain } from "../domain/instanceChain.ts"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"
import { defaults, type Policy } from "../domain/Policy.ts"
import { Failed, InvalidArguments } from "./CatalogError.ts"
import type { CallServices, ToolEntry } from "./Entry.ts"

/** A tool as in `tools/list`, with its policy. */
export interface RawTool {
  readonly name: string
  readonly title?: string
  readonly description?: string
  readonly inputSchema: JsonObject
  readonly outputSchema?: JsonObject
  readonly annotations?: ToolEntry["hints"]
  readonly icons?: ReadonlyArray<Icon>
  readonly meta?: JsonObject
  /** From another instance: the instances that it came through. */
  readonly chain?: InstanceChain
  /** Differences from the default policy. */
  readonly policy?: Partial<Policy>
}

/** A result of `tools/call`; with `isError` it is a failure. */
export interface RawOutput extends ToolOutput {
  readonly isError?: boolean
}

/** Maximum length of `detail`, in characters. The caller gets the whole output. */
const maxDetail = 2000

const detailOf = (content: ReadonlyArray<Block>): string => {
  const text = content
    .flatMap((block) => (block.type === "text" ? [block.text] : []))
    .join("\n")
    .trim()
  return text === "" ? "The tool failed without an error message." : text.slice(0, maxDetail)
}

/** Turns a result with `isError` into `Failed` with that output, so that Guard counts the call as failed. */
export const checkOutput = (name: string, given: RawOutput): Effect.Effect<ToolOutput, Failed> => {
  if (given.isError === undefined) return Effect.succeed(given)
  const { isError, ...output } = given
  return isError
    ? Effect.fail(new Failed({ name, detail: detailOf(output.content), reason: "ToolError", output }))
    : Effect.succeed(output)
}

/** Adds `type: object` and `properties`: model providers reject a list of tools in which one lacks them. */
const withProperties = (schema: JsonObject): JsonObject =>
  schema.type === "object" && isObject(schema.properties)
    ? schema
    : { ...schema, type: "object", properties: isObject(schema.properties) ? schema.properties : {} }

/** Clients receive both schemas unchanged, except for an input schema whose root is not an object with properties. */
export const rawTool = (
  { annotations = {}, inputSchema, meta, outputSchema, policy, ...named }: RawTool,
  call: (args: JsonObject) => Effect.Effect<RawOutput, InvalidArguments | Failed | OverBudget, CallServices>
): ToolEntry => {
  const { name } = named
  return {
    ...named,
    ...(meta !== undefined && { meta }),
    input: withProperties(inputSchema),
    ...(outputSchema !== undefined && { output: outputSchema }),
    hints: annotations,
    policy: { ...defaults, ...policy },
    call: (args = {}) =>
      isObject(args)
        ? Effect.flatMap(call(args), (output) => checkOutput(name, output))
        : Effect.fail(
            new InvalidArguments({ name, issues: [{ path: "", message: "expected a JSON object" }] })
          )
  }
}
