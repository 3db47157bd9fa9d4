/** Catalog entries as MCP puts them on the wire; each is converted once and then kept. */
import type { Prompt, Resource, ResourceTemplateType, Tool } from "@modelcontextprotocol/server"
import type { PromptEntry, ResourceEntry, TemplateEntry, ToolEntry } from "../catalog/Entry.ts"
import type { DeepReadonly } from "./DeepReadonly.ts"

const once = <Entry extends object, Wire>(convert: (entry: Entry) => Wire) => {
  const cache = new WeakMap<Entry, Wire>()
  return (entry: Entry): Wire => {
    let wire = cache.get(entry)
    if (wire === undefined) cache.set(entry, (wire = convert(entry)))
    return wire
  }
}

type Named = Pick<ToolEntry, "description" | "icons" | "meta" | "name" | "title">

const named = ({ description, icons, meta, name, title }: Named) => ({
  name,
  ...(title !== undefined && { title }),
  ...(description !== undefined && { description }),
  ...(icons !== undefined && { icons }),
  ...(meta !== undefined && { _meta: meta })
})

export const tool = once((entry: ToolEntry): DeepReadonly<Tool> => ({
  ...named(entry),
  // Entries promise an object at the root, which their type does not show.
  inputSchema: entry.input as DeepReadonly<Tool["inputSchema"]>,
  ...(entry.output !== undefined && { outputSchema: entry.output }),
  annotations: entry.hints
}))

/** The same for revisions up to 2025-11-25, where structured content is an object or absent. */
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
