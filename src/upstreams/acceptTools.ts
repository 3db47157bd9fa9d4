/** Selects the tools of a server that are served: checks definitions, compares them with their pins, and reports changes. */
import type { JsonObject } from "../domain/JsonObject.ts"
import type { Known } from "./storedText.ts"
import type { Lists } from "./lists.ts"
import { checkDefinition, cleanText, diffOf, pinOf } from "./trust.ts"

/** Maximum number of reports that are kept to avoid logging them twice. */
const maxReported = 1000

/** Whether the text was not reported before; it counts as reported from now on. */
const isNews = (text: string, reported: Set<string>): boolean => {
  if (reported.has(text)) return false
  if (reported.size >= maxReported) reported.clear()
  reported.add(text)
  return true
}

export interface Accepted {
  readonly tools: ReadonlyArray<JsonObject>
  readonly pins: Readonly<Record<string, string>>
  /** Names of tools that are held back until their new definition is approved. */
  readonly held: ReadonlyArray<string>
  /** For the log. */
  readonly reports: ReadonlyArray<string>
}

/**
 * `reported`: what was logged already. `hold`: a tool whose definition differs from its pin is not served. A new tool is
 * pinned as it is.
 */
export const acceptTools = (
  listed: ReadonlyArray<JsonObject>,
  known: Known | undefined,
  hold: boolean,
  reported: Set<string>
): Accepted => {
  const tools: Array<JsonObject> = []
  const held: Array<string> = []
  const reports: Array<string> = []
  const pins: Record<string, string> = {}
  const report = (text: string) => {
    if (isNews(text, reported)) reports.push(text)
  }
  const before = new Map(known?.lists.tools.map((item) => [String(item.name), item]))
  for (const original of listed) {
    const name = String(original.name)
    const { item, problem } = checkDefinition(original)
    if (problem !== undefined) report(`tool ${name} ${problem}`)
    if (item === undefined) continue
    const pin = pinOf(item)
    const pinned = known !== undefined && Object.hasOwn(known.pins, name) ? known.pins[name] : undefined
    if (pinned === undefined || pinned === pin) {
      pins[name] = pin
      tools.push(item)
      continue
    }
    report(
      `the definition of tool ${name} has changed${hold ? "; it is held back until it is approved" : ""}:\n` +
        diffOf(before.get(name), item)
    )
    pins[name] = hold ? pinned : pin
    if (hold) held.push(name)
    else tools.push(item)
  }
  return { tools, pins, held, reports }
}

/** The other lists and the instructions, cleaned like tools. They have no pins. */
export const acceptOthers = (found: Lists, reported: Set<string>) => {
  const reports: Array<string> = []
  const report = (text: string) => {
    if (isNews(text, reported)) reports.push(text)
  }
  const clean = (kind: string, items: ReadonlyArray<JsonObject>, key: string) =>
    items.flatMap((original) => {
      const { item, problem } = checkDefinition(original)
      if (problem !== undefined) report(`${kind} ${String(original[key])} ${problem}`)
      return item === undefined ? [] : [item]
    })
  const instructions = found.instructions && cleanText(found.instructions)
  if (instructions !== found.instructions)
    report("its instructions have hidden characters, which were removed")
  return {
    reports,
    lists: {
      prompts: clean("prompt", found.prompts, "name"),
      resources: clean("resource", found.resources, "uri"),
      templates: clean("resource template", found.templates, "uriTemplate"),
      instructions
    }
  }
}
