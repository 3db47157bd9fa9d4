/** Asks the person at the terminal: for the approval of a tool call, or for the fields of a form. */
import { Effect, Option } from "effect"
import type { ChatEventOf } from "../../../layers/chat/ChatEvent.ts"
import type { Lines } from "../../../layers/platform/LineEditor.ts"
import type { Answer } from "../../chat/Conversations.ts"
import { isObject } from "../../domain/JsonObject.ts"
import { printable } from "./printText.ts"

type Field = Readonly<Record<string, unknown>>

const labelOf = (name: string, field: Field, required: boolean): string => {
  const title = typeof field["title"] === "string" ? field["title"] : name
  const choices = Array.isArray(field["enum"]) ? ` (${field["enum"].join(", ")})` : ""
  const usual = field["default"] === undefined ? "" : ` [${JSON.stringify(field["default"])}]`
  return printable(`${title}${choices}${usual}${required ? "" : ", optional"}: `)
}

/** The value of what was typed; `undefined` if it does not fit. */
const valueOf = (field: Field, typed: string): unknown => {
  switch (field["type"]) {
    case "boolean":
      return /^(?:y|yes|true|1)$/i.test(typed) ? true : /^(?:n|no|false|0)$/i.test(typed) ? false : undefined
    case "integer":
    case "number": {
      const value = Number(typed)
      const fits = Number.isFinite(value) && (field["type"] === "number" || Number.isInteger(value))
      return fits ? value : undefined
    }
    default:
      return !Array.isArray(field["enum"]) || field["enum"].includes(typed) ? typed : undefined
  }
}

/** None: the person has declined. */
const form = Effect.fnUntraced(function* (lines: Lines, schema: Readonly<Record<string, unknown>>) {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {}
  const required = Array.isArray(schema["required"]) ? schema["required"] : []
  const content: Record<string, unknown> = {}
  for (const [name, property] of Object.entries(properties)) {
    const field = isObject(property) ? property : {}
    const isRequired = required.includes(name)
    for (;;) {
      const line = yield* lines.read(labelOf(name, field, isRequired))
      if (Option.isNone(line)) return Option.none()
      const typed = line.value.trim()
      if (typed === "" && field["default"] !== undefined) content[name] = field["default"]
      if (typed === "" && (!isRequired || field["default"] !== undefined)) break
      const value = valueOf(field, typed)
      if (value === undefined || typed === "") continue
      content[name] = value
      break
    }
  }
  return Option.some(content)
})

const yes = /^\s*(?:y|yes)\s*$/i

/** `detail`: what would be called. */
export const askPerson = Effect.fnUntraced(function* (
  lines: Lines,
  { id, message, reason, response_schema, url }: ChatEventOf<"input_requested">,
  detail: string
): Effect.fn.Return<Answer> {
  if (reason === "elicitation" && response_schema !== undefined) {
    const content = yield* form(lines, response_schema)
    return Option.match(content, {
      onNone: (): Answer => ({ id, action: "decline" }),
      onSome: (value): Answer => ({ id, action: "accept", content: value })
    })
  }
  const question = [message, detail, url].filter((part) => part !== undefined && part !== "").join(" ")
  const line = yield* lines.read(printable(`${question} [y/N] `))
  return { id, action: Option.isSome(line) && yes.test(line.value) ? "accept" : "decline" }
})
