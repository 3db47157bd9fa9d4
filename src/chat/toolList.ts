/** The tools that the model of a conversation may use. */
import { Effect } from "effect"
import * as Tool from "effect/ai/Tool"
import type { Catalog } from "../catalog/Catalog.ts"
import type { ToolEntry } from "../catalog/Entry.ts"
import type { Principal } from "../domain/Principal.ts"

/** Most tools of one request to a model. */
const maxTools = 512

/** `*` matches any characters. */
const matches = (pattern: string, name: string): boolean => {
  const parts = pattern.split("*")
  const [first = "", ...rest] = parts
  if (rest.length === 0) return name === first
  const last = rest.pop() ?? ""
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length)
    return false
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found < 0 || found + part.length > name.length - last.length) return false
    at = found + part.length
  }
  return true
}

/** Tools that administer are used only if they are named. */
export const isAllowed = (
  patterns: ReadonlyArray<string> | undefined,
  { name, policy }: ToolEntry
): boolean => {
  const administers = policy.scopes.includes("admin")
  if (patterns === undefined) return !administers
  return patterns.some((pattern) => (administers ? pattern === name : matches(pattern, name)))
}

/** What the principal may call now, and the configuration allows. */
export const toolsOf = Effect.fnUntraced(function* (
  catalog: Catalog["Service"],
  principal: Principal,
  patterns: ReadonlyArray<string> | undefined
) {
  if (patterns?.length === 0) return []
  const entries: Array<ToolEntry> = []
  let cursor: string | undefined
  do {
    const page = yield* catalog.tools(principal, cursor)
    entries.push(
      ...page.items.filter(
        (entry) => principal.may(entry.policy.scopes, entry.name) && isAllowed(patterns, entry)
      )
    )
    cursor = page.next
  } while (cursor !== undefined && entries.length < maxTools)
  return entries.slice(0, maxTools)
})

const made = new WeakMap<ToolEntry, Tool.Any>()

/** The entry as a tool of `effect/ai`, with its JSON Schema as it is. */
export const toModelTool = (entry: ToolEntry): Tool.Any => {
  let tool = made.get(entry)
  if (tool === undefined) {
    const { description, input, name } = entry
    tool = Tool.dynamic(name, { parameters: input, ...(description !== undefined && { description }) })
    made.set(entry, tool)
  }
  return tool
}
