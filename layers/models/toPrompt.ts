/** The prompt of a request, with decoded messages. */
import * as Prompt from "effect/ai/Prompt"
import type { ModelRequest } from "./ModelRequest.ts"

const decoded = new WeakMap<Prompt.MessageEncoded, Prompt.Message>()

const decodedOnce = (message: Prompt.MessageEncoded): ReadonlyArray<Prompt.Message> => {
  const known = decoded.get(message)
  if (known !== undefined) return [known]
  const { content } = Prompt.make([message])
  for (const made of content) decoded.set(message, made)
  return content
}

export const toPrompt = ({ immutable, prompt }: Pick<ModelRequest, "immutable" | "prompt">): Prompt.Prompt =>
  immutable !== true || typeof prompt === "string" || Prompt.isPrompt(prompt)
    ? Prompt.make(prompt)
    : Prompt.fromMessages(Array.from(prompt).flatMap(decodedOnce))
