/** Parts of prompts as text: data URLs of files, results of tools, and the text that counts as the prompt's length. */
import type * as Prompt from "effect/ai/Prompt"

/** Base64 of a file's bytes; `undefined` for one that is elsewhere. */
export const base64 = ({ data }: Prompt.FilePart): string | undefined => {
  if (data instanceof URL) return undefined
  if (typeof data !== "string") return Buffer.from(data).toString("base64")
  return data.startsWith("data:") ? data.slice(data.indexOf(",") + 1) : data
}

/** A `data:` URL, or the file's own where it has one. */
export const dataUrl = (part: Prompt.FilePart): string => {
  if (part.data instanceof URL) return part.data.href
  return `data:${part.mediaType};base64,${base64(part)}`
}

/** A tool's result as text for the model: its model output, if the tool has one, without files. */
export const resultText = ({ modelOutput, result }: Prompt.ToolResultPart): string => {
  const texts = modelOutput?.flatMap((part) => (part.type === "text" ? [part.text] : []))
  if (texts !== undefined) return texts.join("\n")
  return typeof result === "string" ? result : (JSON.stringify(result) ?? "")
}

/** Files of a tool's result. */
export const resultFiles = ({ modelOutput }: Prompt.ToolResultPart): ReadonlyArray<Prompt.FilePart> =>
  modelOutput?.filter((part) => part.type === "file") ?? []

/** All text of a prompt, for counting tokens. Files are not part of it. */
export const promptText = ({ content }: Prompt.Prompt): string => {
  const texts: Array<string> = []
  for (const message of content) {
    if (message.role === "system") {
      texts.push(message.content)
      continue
    }
    for (const part of message.content) {
      if (part.type === "text" || part.type === "reasoning") texts.push(part.text)
      else if (part.type === "tool-call") texts.push(part.name, JSON.stringify(part.params) ?? "")
      else if (part.type === "tool-result") texts.push(resultText(part))
    }
  }
  return texts.join("\n")
}

/** All files of a prompt, also those of tool results. */
export const filesOf = ({ content }: Prompt.Prompt): ReadonlyArray<Prompt.FilePart> =>
  content.flatMap((message) =>
    message.role === "system"
      ? []
      : [...message.content].flatMap((part) =>
          part.type === "file" ? [part] : part.type === "tool-result" ? resultFiles(part) : []
        )
  )
