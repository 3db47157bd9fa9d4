/** Compiles every prompt template and renders it with its examples. */
import { Effect, Layer, type FileSystem, type Path } from "effect"
import type { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Templates } from "../../../layers/templates/Templates.ts"
import { ClientVariables } from "../../prompts/ClientVariables.ts"
import { examples } from "../../prompts/layer.ts"
import { type Check, fail, ok, warn } from "./Check.ts"
import { notCheckable } from "./configuration.ts"

export const prompts: Check<ConfigSource | FileSystem.FileSystem | Path.Path> = {
  name: "prompts",
  run: Effect.gen(function* () {
    const templates = yield* Templates
    yield* templates.example(examples(yield* ClientVariables))
    const report = yield* templates.check
    const own = report.templates.filter(({ file }) => file !== null).length
    const problems = report.templates.flatMap(({ file, problems: found }) =>
      found.map((problem) =>
        file === null ? fail(problem) : warn(`${problem} (the built-in template is used until this is fixed)`)
      )
    )
    const theirs = own === 0 ? "" : `, ${own} of them from templates.dir`
    return problems.length > 0 ? problems : [ok(`${report.templates.length} templates are valid${theirs}`)]
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.fresh(Layer.mergeAll(Templates.layer, ClientVariables.layer))),
    Effect.catchTag("ConfigInvalid", () => Effect.succeed([notCheckable("prompt variables and templates")]))
  )
}
