/** A conversation as Markdown, for people. */
import type { ChatEvent } from "../../layers/chat/ChatEvent.ts"
import type { Conversation } from "../../layers/chat/ChatStore.ts"
import { resultText } from "./units.ts"
import type { Block } from "../domain/Content.ts"

const textOf = (content: ReadonlyArray<Block>): string =>
  content.map((block) => (block.type === "text" ? block.text : `[${block.type}]`)).join("\n\n")

/** Longer than every run of backticks in the text. */
const fence = (text: string): string =>
  "`".repeat(Math.max(3, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length + 1)))

const code = (text: string): string => `${fence(text)}\n${text}\n${fence(text)}`

const sectionOf = (event: ChatEvent): ReadonlyArray<string> => {
  switch (event.type) {
    case "user_message":
      return [`## User · ${event.timestamp}`, textOf(event.content)]
    case "assistant_message": {
      const text = event.parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("")
      return text === "" ? [] : [`## ${event.model} · ${event.timestamp}`, text]
    }
    case "tool_started":
      return [`### Tool ${event.name}`, code(JSON.stringify(event.arguments, null, 2))]
    case "tool_result":
      return [event.is_error ? "Error:" : "Result:", code(resultText(event))]
    case "turn_failed":
      return [`**Error ${event.error.code}:** ${event.error.message}`]
    case "turn_completed":
      return event.stop_reason === "stopped" ? ["*Stopped by the user.*"] : []
    default:
      return []
  }
}

export const toMarkdown = ({ id, title }: Conversation, events: ReadonlyArray<ChatEvent>): string =>
  [`# ${title === "" ? id : title}`, ...events.flatMap(sectionOf)].join("\n\n") + "\n"
