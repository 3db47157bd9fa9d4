/** Contributes the prompts to the catalog, and updates them when templates or configuration change. */
import { Effect, Layer } from "effect"
import { Templates } from "../../layers/templates/Templates.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { program } from "../domain/version.ts"
import { ClientVariables } from "./ClientVariables.ts"
import { promptEntry } from "./promptEntry.ts"
import { prompts } from "./index.ts"
import { values } from "./mergeVariables.ts"

/** Examples of all prompts, merged over the configured variables. */
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
    const entries = () => ({ prompts: prompts.map((prompt) => promptEntry(prompt, templates, variables)) })
    const contribution = yield* catalog.contribute({ owner: program.name, entries: entries() })
    const [conflict] = (yield* contribution.report).conflicts
    if (conflict !== undefined) return yield* conflict
    yield* templates.watch(catalog.changed("prompts"))
    // The required arguments depend on the configuration.
    yield* variables.watch(Effect.suspend(() => Effect.asVoid(contribution.replace(entries()))))
  })
).pipe(Layer.provideMerge(ClientVariables.layer))
