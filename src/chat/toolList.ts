/** The tools that the model of a conversation may use. */
import { Effect } from "effect"
import * as Tool from "effect/ai/Tool"
import type { Choice } from "../../layers/models/ModelRequest.ts"
import type { Models } from "../../layers/models/Models.ts"
import type { Catalog } from "../catalog/Catalog.ts"
import type { ToolEntry } from "../catalog/Entry.ts"
import type { Principal } from "../domain/Principal.ts"

/** Most tools of one request to a model, also if its provider accepts more. */
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

/** Most tools that each provider accepts which may respond to a request with this choice. */
export const maxToolsOf = (
  { active, fallback, providers }: Pick<Models["Service"], "active" | "fallback" | "providers">,
  { model, provider = active }: Pick<Choice, "model" | "provider">
): number => {
  const names = provider !== active || model !== undefined ? [provider] : [provider, ...fallback]
  const responding = provider === undefined ? providers : providers.filter(({ name }) => names.includes(name))
  return Math.min(maxTools, ...responding.map((each) => each.maxTools ?? maxTools))
}

/** The place of the first pattern that matches: the operator names first what matters most. */
const rankOf = (patterns: ReadonlyArray<string> | undefined, { name }: ToolEntry): number =>
  patterns?.findIndex((pattern) => matches(pattern, name)) ?? 0

export interface ModelTools {
  readonly tools: ReadonlyArray<ToolEntry>
  /** Number of tools beyond the maximum. */
  readonly omitted: number
}

const none: ModelTools = { tools: [], omitted: 0 }

/**
 * What the principal may call now, and the configuration allows: at most `most`, those that the patterns name first, and of equal
 * ones the first by name.
 */
export const toolsOf = Effect.fnUntraced(function* (
  catalog: Catalog["Service"],
  principal: Principal,
  patterns: ReadonlyArray<string> | undefined,
  most: number
) {
  if (patterns?.length === 0) return none
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
  } while (cursor !== undefined)
  if (entries.length <= most) return { tools: entries, omitted: 0 } satisfies ModelTools
  const ranked = entries.map((entry) => ({ entry, rank: rankOf(patterns, entry) }))
  // The catalog lists them by name.
  const chosen = ranked.toSorted((one, other) => one.rank - other.rank).slice(0, most)
  return { tools: chosen.map(({ entry }) => entry), omitted: entries.length - most } satisfies ModelTools
})

/** A notice for the user and the log. */
export const toolsOmitted = ({ omitted, sent }: { readonly omitted: number; readonly sent: number }) =>
  `The model gets ${sent} of ${sent + omitted} tools: its provider accepts no more in one request. chat.service.tools chooses them.`

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
