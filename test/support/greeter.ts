/** A custom server as a library user writes it: one toolkit, a prompt and a resource. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { entries, prompt, resource, toolset, type ServerIdentity } from "../../src/index.ts"

export const identity = {
  name: "greeter",
  version: "2.1.0",
  title: "The Greeter",
  description: "Greets people.",
  websiteUrl: "https://greeter.example/",
  icons: [{ src: "data:image/png;base64,AA==", mimeType: "image/png", sizes: ["1x1"], theme: "light" }],
  instructions: "Call greet with a name."
} satisfies ServerIdentity

const Greet = Tool.make("greet", {
  description: "Greet a person.",
  parameters: Schema.Struct({ name: Schema.NonEmptyString }),
  success: Schema.Struct({ greeting: Schema.String })
})
const toolkit = Toolkit.make(Greet)
export const tools = toolset({
  toolkit,
  layer: toolkit.toLayer({
    greet: ({ name }) =>
      Effect.sync(() => {
        // Written to standard error while stdio is served.
        console.log("greeting", name)
        return { greeting: `Hello ${name}` }
      })
  })
})

export const haiku = prompt({
  name: "haiku",
  description: "A haiku.",
  arguments: { topic: { description: "What about.", required: true }, mood: {} },
  get: ({ mood = "calm", topic }) => Effect.succeed(`Write a ${mood} haiku about ${topic}.`)
})

export const motto = resource({
  uri: "greeter://motto",
  name: "motto",
  mimeType: "text/plain",
  read: Effect.succeed("Be kind.")
})

/** All entries, for a server made of layers. */
export const layer = [tools, entries({ prompts: [haiku], resources: [motto] })] as const
