/** Keeps the whole of a tool's result that is too long for a conversation, as a file of its user. */
import { Effect, Option } from "effect"
import type { Output } from "../../layers/output/Output.ts"
import type { ToolOutput } from "../domain/Content.ts"
import type { Principal } from "../domain/Principal.ts"

/** In the output folder, under the name of the conversation. */
const folder = "chat"

export const keepResult =
  (output: Option.Option<Output["Service"]>, principal: Principal, conversation: string) =>
  ({ content, structured }: ToolOutput): Effect.Effect<Option.Option<string>> => {
    if (Option.isNone(output)) return Effect.succeedNone
    const bytes = new TextEncoder().encode(JSON.stringify({ content, structured }))
    return output.value.save(principal, folder, conversation, bytes, "json").pipe(
      Effect.map(({ uri }) => Option.some(uri)),
      Effect.catch((error) =>
        Effect.as(Effect.logWarning(`A whole result was not kept: ${error.message}`), Option.none())
      )
    )
  }
