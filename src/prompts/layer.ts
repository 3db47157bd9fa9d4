/** Puts the prompts into the catalog, and says when they read differently. */
import { Effect, Layer } from "effect"
import { Templates } from "../../layers/templates/Templates.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { ClientVariables } from "./ClientVariables.ts"
import { entry } from "./entry.ts"
import { prompts } from "./index.ts"
import { values } from "./merge.ts"

/** What the templates of all prompts are tried with: their examples, over the variables that would hold. */
export const examples = (variables: ClientVariables["Service"]) => () =>
  prompts.flatMap((prompt) =>
    prompt.examples.map((example) => ({
      template: prompt.template,
      variables: { ...values(variables.merge(prompt, {})), ...example }
    }))
  )

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const catalog = yield* Catalog
    const templates = yield* Templates
    const variables = yield* ClientVariables
    yield* templates.example(examples(variables))
    yield* catalog.add({ prompts: prompts.map((prompt) => entry(prompt, templates, variables)) })
    yield* templates.watch(catalog.changed("prompts"))
    yield* variables.watch(catalog.changed("prompts"))
  })
).pipe(Layer.provideMerge(ClientVariables.layer))
