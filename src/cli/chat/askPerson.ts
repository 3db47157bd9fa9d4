/** Asks the person at the terminal: for the approval of a tool call, or for the fields of a form. */
import { Effect, Option } from "effect"
import type { ChatEventOf } from "../../../layers/chat/ChatEvent.ts"
import type { Lines } from "../../../layers/platform/LineEditor.ts"
import type { Answer } from "../../chat/Conversations.ts"
import { choicesOf, formIssues } from "../../chat/formIssues.ts"
import { isObject, type JsonObject } from "../../domain/JsonObject.ts"
import { printable } from "./printText.ts"

export interface Person {
  readonly lines: Lines
  /** Shows one line. */
  readonly say: (text: string) => Effect.Effect<void>
}

/** Several values are separated by commas. */
const separator = ","

/** The values that may be typed, with their titles. */
const choicesIn = (field: JsonObject): string | undefined => {
  const of = field["type"] === "array" && isObject(field["items"]) ? field["items"] : field
  const choices = choicesOf(of)
  if (choices === undefined) return undefined
  const titled = [of["oneOf"], of["anyOf"]].find(Array.isArray) ?? []
  const titleOf = (choice: unknown) =>
    titled.flatMap((one) => (isObject(one) && one["const"] === choice ? [one["title"]] : []))[0]
  return choices
    .map((choice) => {
      const title = titleOf(choice)
      return typeof title === "string" && title !== choice ? `${String(choice)}: ${title}` : String(choice)
    })
    .join(", ")
}

const shown = (value: unknown): string =>
  Array.isArray(value) ? value.map(String).join(separator) : String(value)

const labelOf = (name: string, field: JsonObject, required: boolean): string => {
  const { default: usual, description, title, type } = field
  const choices = type === "boolean" ? "y/n" : choicesIn(field)
  const about = [
    ...(typeof description === "string" ? [description] : []),
    ...(choices === undefined ? [] : [`${type === "array" ? "several of " : ""}${choices}`])
  ]
  return printable(
    (typeof title === "string" ? title : name) +
      (about.length === 0 ? "" : ` (${about.join("; ")})`) +
      (usual === undefined ? "" : ` [${shown(usual)}]`) +
      `${required ? "" : ", optional"}: `
  )
}

/** What was typed, as a value of the field's type; unchanged if it is not such a value. */
const valueOf = ({ type }: JsonObject, typed: string): unknown => {
  switch (type) {
    case "boolean":
      return /^(?:y|yes|true|1)$/i.test(typed) ? true : /^(?:n|no|false|0)$/i.test(typed) ? false : typed
    case "integer":
    case "number":
      return Number.isFinite(Number(typed)) ? Number(typed) : typed
    case "array":
      return typed
        .split(separator)
        .map((each) => each.trim())
        .filter((each) => each !== "")
    default:
      return typed
  }
}

const problemOf = (field: JsonObject, value: unknown): string | undefined =>
  field["type"] === "boolean" && typeof value !== "boolean"
    ? "Expected y or n"
    : formIssues({ properties: { field } }, { field: value })[0]?.message

/** None: the person has declined. */
const form = Effect.fnUntraced(function* ({ lines, say }: Person, schema: JsonObject) {
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
      if (typed === "" && field["default"] === undefined && !isRequired) break
      const value = typed === "" && field["default"] !== undefined ? field["default"] : valueOf(field, typed)
      const problem = typed === "" && field["default"] === undefined ? "Required" : problemOf(field, value)
      if (problem === undefined) {
        content[name] = value
        break
      }
      yield* say(`${problem}.`)
    }
  }
  return Option.some(content)
})

const no = /^\s*(?:n|no)\s*$/i
const yes = /^\s*(?:y|yes)\s*$/i

/** `args`: those of the call that needs an approval. */
export const askPerson = Effect.fnUntraced(function* (
  person: Person,
  { id, message, reason, response_schema, url }: ChatEventOf<"input_requested">,
  args: string
): Effect.fn.Return<Answer> {
  if (reason === "elicitation" && response_schema !== undefined) {
    const line = yield* person.lines.read(printable(`${message} Answer? [Y/n] `))
    if (Option.isNone(line) || no.test(line.value)) return { id, action: "decline" }
    const content = yield* form(person, response_schema)
    return Option.match(content, {
      onNone: (): Answer => ({ id, action: "decline" }),
      onSome: (value): Answer => ({ id, action: "accept", content: value })
    })
  }
  const about = reason === "approval" ? args : url
  const question = about === undefined ? message : `${message} ${about}`
  const line = yield* person.lines.read(printable(`${question} [y/N] `))
  return { id, action: Option.isSome(line) && yes.test(line.value) ? "accept" : "decline" }
})
