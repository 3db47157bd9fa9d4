/** Selects the tools of a server that are served: checks definitions, compares them with their pins, and reports changes. */
import type { JsonObject } from "../domain/JsonObject.ts"
import type { Known } from "./ListStore.ts"
import { checkDefinition, diffOf, pinOf } from "./trust.ts"

/** Maximum number of reports that are kept to avoid logging them twice. */
const maxReported = 1000

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
    if (reported.has(text)) return
    if (reported.size >= maxReported) reported.clear()
    reported.add(text)
    reports.push(text)
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
