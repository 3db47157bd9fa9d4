/** Converts catalog entries to their MCP form, once per entry. */
import type { Prompt, Resource, ResourceTemplateType, Tool } from "@modelcontextprotocol/server"
import type { PromptEntry, ResourceEntry, TemplateEntry, ToolEntry } from "../catalog/Entry.ts"
import { chainKey } from "../domain/instanceChain.ts"
import type { DeepReadonly } from "./DeepReadonly.ts"

const once = <Entry extends object, Converted>(convert: (entry: Entry) => Converted) => {
  const cache = new WeakMap<Entry, Converted>()
  return (entry: Entry): Converted => {
    let converted = cache.get(entry)
    if (converted === undefined) cache.set(entry, (converted = convert(entry)))
    return converted
  }
}

type Named = Pick<ToolEntry, "description" | "icons" | "meta" | "name" | "title">

/** For a client that is another instance: with the chain of the entry, which ends with this one. */
export const withChain = <Converted extends object>(
  converted: Converted,
  { chain = [], meta }: Pick<ToolEntry, "chain" | "meta">,
  instance: string
): Converted => ({ ...converted, _meta: { ...meta, [chainKey]: [...chain, instance] } })

const named = ({ description, icons, meta, name, title }: Named) => ({
  name,
  ...(title !== undefined && { title }),
  ...(description !== undefined && { description }),
  ...(icons !== undefined && { icons }),
  ...(meta !== undefined && { _meta: meta })
})

export const tool = once((entry: ToolEntry): DeepReadonly<Tool> => ({
  ...named(entry),
  // Input schemas have an object at the root, which `JsonObject` does not express.
  inputSchema: entry.input as DeepReadonly<Tool["inputSchema"]>,
  ...(entry.output !== undefined && { outputSchema: entry.output }),
  annotations: entry.hints
}))

/** For revisions up to 2025-11-25, where an output schema must be an object. */
export const sessionTool = once((entry: ToolEntry): DeepReadonly<Tool> => {
  const { outputSchema, ...rest } = tool(entry)
  return outputSchema === undefined || outputSchema["type"] === "object" ? tool(entry) : rest
})

export const prompt = once((entry: PromptEntry): DeepReadonly<Prompt> => ({
  ...named(entry),
  arguments: entry.arguments.map(({ complete: _, ...argument }) => argument)
}))

export const resource = once((entry: ResourceEntry): DeepReadonly<Resource> => ({
  ...named(entry),
  uri: entry.uri,
  ...(entry.mimeType !== undefined && { mimeType: entry.mimeType }),
  ...(entry.size !== undefined && { size: entry.size }),
  ...(entry.annotations !== undefined && { annotations: entry.annotations })
}))

export const template = once((entry: TemplateEntry): DeepReadonly<ResourceTemplateType> => ({
  ...named(entry),
  uriTemplate: entry.uriTemplate,
  ...(entry.mimeType !== undefined && { mimeType: entry.mimeType }),
  ...(entry.annotations !== undefined && { annotations: entry.annotations })
}))
