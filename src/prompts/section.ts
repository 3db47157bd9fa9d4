/** Config section `prompts`: variables per prompt, for all clients and for single ones. Derived from the list of prompts. */
import { Schema } from "effect"
import * as Section from "../../layers/config/Section.ts"
import { prompts } from "./index.ts"
import { mergeVariables, type PromptSettings } from "./mergeVariables.ts"
import type { Prompt } from "./Prompt.ts"

const variables = (prompt: Prompt) =>
  Schema.Struct(
    Object.fromEntries(
      Object.entries(prompt.arguments).map(([name, { description, schema }]) => [
        name,
        Schema.optionalKey(schema().pipe(Schema.annotateEncoded({ description })))
      ])
    )
  )

/** Reports valid values that contradict each other after merging. */
const checkMerged = (prompt: Prompt) =>
  Schema.makeFilter((settings: PromptSettings) => {
    const of = (client: string | undefined, path: ReadonlyArray<string>) =>
      mergeVariables(prompt, settings, client === undefined ? {} : { client_id: client }).issues.map(
        ({ message, path: name }) => ({ path: [...path, name], issue: message })
      )
    const found = of(undefined, ["defaults"])
    // A problem of the defaults would be reported again for each client.
    return found.length > 0
      ? found
      : Object.keys(settings.clients ?? {}).flatMap((client) => of(client, ["clients", client]))
  })

const settings = (prompt: Prompt) => {
  const schema = variables(prompt)
  return Schema.Struct({
    defaults: Schema.optionalKey(schema.annotate({ description: "Variables of all clients." })),
    clients: Schema.optionalKey(
      Schema.Record(Schema.String, schema).annotate({
        description: "Variables of single clients, by client_id. They override `defaults`."
      })
    )
  })
    .check(checkMerged(prompt))
    .annotate({ description: prompt.description })
}

export const section = Section.deferred(
  "prompts",
  () =>
    Schema.Struct(
      Object.fromEntries(prompts.map((prompt) => [prompt.name, Schema.optionalKey(settings(prompt))]))
    ),
  { description: "Variables of prompts, by prompt name." }
)
