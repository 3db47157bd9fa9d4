/** MCP form of catalog entries, as an object and as JSON; each is made once per entry. */
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

export interface Form<Entry, Converted> {
  readonly toObject: (entry: Entry) => Converted
  readonly toJson: (entry: Entry) => string
}

const form = <Entry extends object, Converted extends object>(
  convert: (entry: Entry) => Converted
): Form<Entry, Converted> => ({
  toObject: once(convert),
  // Most entries are only sent as JSON, so the object is not kept.
  toJson: once((entry: Entry) => JSON.stringify(convert(entry)))
})

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

export const tool = form((entry: ToolEntry): DeepReadonly<Tool> => ({
  ...named(entry),
  // Input schemas have an object at the root, which `JsonObject` does not express.
  inputSchema: entry.input as DeepReadonly<Tool["inputSchema"]>,
  ...(entry.output !== undefined && { outputSchema: entry.output }),
  annotations: entry.hints
}))

const withoutOutput = form((entry: ToolEntry): DeepReadonly<Tool> => {
  const { outputSchema: _, ...rest } = tool.toObject(entry)
  return rest
})

const inSession = ({ output }: ToolEntry) =>
  output === undefined || output.type === "object" ? tool : withoutOutput

/** For revisions up to 2025-11-25, where an output schema must be an object. */
export const sessionTool: typeof tool = {
  toObject: (entry) => inSession(entry).toObject(entry),
  toJson: (entry) => inSession(entry).toJson(entry)
}

export const prompt = form((entry: PromptEntry): DeepReadonly<Prompt> => ({
  ...named(entry),
  arguments: entry.arguments.map(({ complete: _, ...argument }) => argument)
}))

export const resource = form((entry: ResourceEntry): DeepReadonly<Resource> => ({
  ...named(entry),
  uri: entry.uri,
  ...(entry.mimeType !== undefined && { mimeType: entry.mimeType }),
  ...(entry.size !== undefined && { size: entry.size }),
  ...(entry.annotations !== undefined && { annotations: entry.annotations })
}))

export const template = form((entry: TemplateEntry): DeepReadonly<ResourceTemplateType> => ({
  ...named(entry),
  uriTemplate: entry.uriTemplate,
  ...(entry.mimeType !== undefined && { mimeType: entry.mimeType }),
  ...(entry.annotations !== undefined && { annotations: entry.annotations })
}))
