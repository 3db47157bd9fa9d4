/** The tables of a catalog, one per kind of entry. */
import type { Scope } from "../domain/scopes.ts"
import type { PromptEntry, ResourceEntry, TemplateEntry, ToolEntry } from "./Entry.ts"
import { EntryTable } from "./EntryTable.ts"

const scopesOf = (entry: { readonly scopes: ReadonlyArray<Scope> }) => entry.scopes

export const makeTables = () => ({
  tools: new EntryTable<ToolEntry>(
    "tool",
    (entry) => entry.name,
    (entry) => entry.policy.scopes
  ),
  prompts: new EntryTable<PromptEntry>("prompt", (entry) => entry.name, scopesOf),
  resources: new EntryTable<ResourceEntry>("resource", (entry) => entry.uri, scopesOf),
  templates: new EntryTable<TemplateEntry>("resource template", (entry) => entry.uriTemplate, scopesOf)
})

export type Tables = ReturnType<typeof makeTables>
