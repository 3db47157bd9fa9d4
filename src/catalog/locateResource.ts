/** Finds the entry for a URI: the resource with that URI, else the first matching template. */
import { Effect, type Scope } from "effect"
import type { ReadOutput } from "../domain/Content.ts"
import type { Principal } from "../domain/Principal.ts"
import type { Failed, NotFound } from "./CatalogError.ts"
import type { CallServices, ResourceEntry, TemplateEntry } from "./Entry.ts"
import type { EntryTable, Source } from "./EntryTable.ts"
import { compile, type Match } from "./matchUriTemplate.ts"

interface Located {
  readonly entry: ResourceEntry | TemplateEntry
  readonly source: Source
  /** The URI template, if one matched. */
  readonly template?: string
  readonly read: Effect.Effect<ReadOutput, Failed | NotFound, CallServices>
  readonly subscribe: (principal: Principal) => Effect.Effect<void, Failed | NotFound, Scope.Scope>
}

export type Locate = (principal: Principal, uri: string) => Located | undefined

/**
 * Considers only entries whose audience includes the principal. The caller must check the scopes: an entry that the
 * principal may not read is never replaced by a later template that it may read.
 */
export const locator = (
  resources: EntryTable<ResourceEntry>,
  templates: EntryTable<TemplateEntry>
): Locate => {
  const matchers = new WeakMap<TemplateEntry, Match>()
  const matcherOf = (entry: TemplateEntry): Match => {
    let matcher = matchers.get(entry)
    if (matcher === undefined) matchers.set(entry, (matcher = compile(entry.uriTemplate)))
    return matcher
  }
  return (principal, uri) => {
    const claim = resources.find(principal, uri)
    if (claim !== undefined) {
      const { entry, source } = claim
      const subscribe = (subscriber: Principal) => entry.subscribe?.(subscriber) ?? Effect.void
      return { entry, source, read: entry.read, subscribe }
    }
    for (const { entry, source } of templates.all(principal)) {
      const variables = matcherOf(entry)(uri)
      if (variables === undefined) continue
      return {
        entry,
        source,
        template: entry.uriTemplate,
        read: Effect.suspend(() => entry.read(uri, variables)),
        subscribe: (subscriber) => entry.subscribe?.(uri, variables, subscriber) ?? Effect.void
      }
    }
    return undefined
  }
}
