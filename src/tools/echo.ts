/** Returns its argument, to test a connection. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { Shown } from "../catalog/toolkitEntries.ts"

const Message = Schema.Struct({
  message: Schema.String.annotate({ description: "Text to return." })
})

const Echo = Tool.make("echo", {
  description: "Return the message unchanged, to test the connection.",
  parameters: Message,
  success: Message
})
  .annotate(Tool.Title, "Echo")
  .annotate(Tool.Readonly, true)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, false)
  .annotate(Shown, ({ message }: typeof Message.Type) => message)

export const toolkit = Toolkit.make(Echo)
export const layer = toolkit.toLayer({ echo: ({ message }) => Effect.succeed({ message }) })
