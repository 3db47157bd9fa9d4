/** The configured variables of prompts, as they are now. */
import { Context, Effect, Layer, Option } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { merge, type Merged, type PromptSettings } from "./merge.ts"
import type { Prompt } from "./Prompt.ts"
import { section } from "./section.ts"

export class ClientVariables extends Context.Service<
  ClientVariables,
  {
    /** With what the caller gave above them. */
    readonly merge: (prompt: Prompt, given: Readonly<Record<string, string>>) => Merged
    /** The clients that have variables of their own. */
    readonly clients: (prompt: Prompt) => ReadonlyArray<string>
  }
>()("manifold/prompts/ClientVariables") {
  static readonly layer = Layer.effect(
    ClientVariables,
    Effect.gen(function* () {
      const config = yield* ConfigSource
      let settings: Readonly<Record<string, PromptSettings | undefined>> = {}
      const apply = (now: typeof settings) => Effect.sync(() => void (settings = now))
      // Read once, until a configuration can be followed.
      yield* Effect.flatMap(config.readOption(section), (said) => apply(Option.getOrElse(said, () => ({}))))
      return ClientVariables.of({
        merge: (prompt, given) => merge(prompt, settings[prompt.name], given),
        clients: (prompt) => Object.keys(settings[prompt.name]?.clients ?? {})
      })
    })
  )
}
