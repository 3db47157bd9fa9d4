/** The configuration of prompts: variables by prompt, for all clients and for one. Built from the list of prompts. */
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

/** Says where values that are right by themselves do not go together, once they are merged. */
const agree = (prompt: Prompt) =>
  Schema.makeFilter((settings: PromptSettings) => {
    const of = (client: string | undefined, path: ReadonlyArray<string>) =>
      mergeVariables(prompt, settings, client === undefined ? {} : { client_id: client }).issues.map(
        ({ message, path: name }) => ({ path: [...path, name], issue: message })
      )
    const found = of(undefined, ["defaults"])
    // What is wrong with the defaults would be said again of each client.
    return found.length > 0
      ? found
      : Object.keys(settings.clients ?? {}).flatMap((client) => of(client, ["clients", client]))
  })

const settings = (prompt: Prompt) => {
  const schema = variables(prompt)
  return Schema.Struct({
    defaults: Schema.optionalKey(schema.annotate({ description: "Variables for every client." })),
    clients: Schema.optionalKey(
      Schema.Record(Schema.String, schema).annotate({
        description: "Variables for single clients, by client_id; above the defaults."
      })
    )
  })
    .check(agree(prompt))
    .annotate({ description: prompt.description })
}

export const section = Section.deferred(
  "prompts",
  () =>
    Schema.Struct(
      Object.fromEntries(prompts.map((prompt) => [prompt.name, Schema.optionalKey(settings(prompt))]))
    ),
  { description: "Variables of prompts, by the prompt's name." }
)
