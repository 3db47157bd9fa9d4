/** Catalog entries as MCP puts them on the wire; each is converted once and then kept. */
import type { Prompt, Resource, ResourceTemplateType, Tool } from "@modelcontextprotocol/server"
import type { PromptEntry, ResourceEntry, TemplateEntry, ToolEntry } from "../catalog/Entry.ts"

const kept = <Entry extends object, Wire>(convert: (entry: Entry) => object) => {
  const cache = new WeakMap<Entry, Wire>()
  return (entry: Entry): Wire => {
    let wire = cache.get(entry)
    // The SDK's types are the mutable form of the same JSON.
    if (wire === undefined) cache.set(entry, (wire = convert(entry) as Wire))
    return wire
  }
}

interface Named {
  readonly name: string
  readonly title?: string
  readonly description?: string
  readonly icons?: ReadonlyArray<object>
  readonly meta?: object
}

const named = ({ description, icons, meta, name, title }: Named) => ({
  name,
  ...(title !== undefined && { title }),
  ...(description !== undefined && { description }),
  ...(icons !== undefined && { icons }),
  ...(meta !== undefined && { _meta: meta })
})

export const tool = kept<ToolEntry, Tool>((entry) => ({
  ...named(entry),
  inputSchema: entry.input,
  ...(entry.output !== undefined && { outputSchema: entry.output }),
  annotations: entry.hints
}))

export const prompt = kept<PromptEntry, Prompt>((entry) => ({
  ...named(entry),
  arguments: entry.arguments.map(({ complete: _, ...argument }) => argument)
}))

export const resource = kept<ResourceEntry, Resource>((entry) => ({
  ...named(entry),
  uri: entry.uri,
  ...(entry.mimeType !== undefined && { mimeType: entry.mimeType }),
  ...(entry.size !== undefined && { size: entry.size })
}))

export const template = kept<TemplateEntry, ResourceTemplateType>((entry) => ({
  ...named(entry),
  uriTemplate: entry.uriTemplate,
  ...(entry.mimeType !== undefined && { mimeType: entry.mimeType })
}))
