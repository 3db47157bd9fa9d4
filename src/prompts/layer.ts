/** Contributes the prompts to the catalog, and announces when their templates or their configuration change. */
import { Effect, Layer } from "effect"
import { Templates } from "../../layers/templates/Templates.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { program } from "../domain/version.ts"
import { ClientVariables } from "./ClientVariables.ts"
import { promptEntry } from "./promptEntry.ts"
import { prompts } from "./index.ts"
import { values } from "./mergeVariables.ts"

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
    const entries = () => ({ prompts: prompts.map((prompt) => promptEntry(prompt, templates, variables)) })
    const contribution = yield* catalog.contribute({ owner: program.name, entries: entries() })
    const [conflict] = (yield* contribution.report).conflicts
    if (conflict !== undefined) return yield* conflict
    yield* templates.watch(catalog.changed("prompts"))
    // Which arguments are required depends on the configuration, so the entries are made anew.
    yield* variables.watch(Effect.suspend(() => Effect.asVoid(contribution.replace(entries()))))
  })
).pipe(Layer.provideMerge(ClientVariables.layer))
