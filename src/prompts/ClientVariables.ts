/** The configured variables of prompts; follows configuration reloads. */
import { Context, Effect, Layer, type Scope } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { mergeVariables, type Merged, type PromptSettings } from "./mergeVariables.ts"
import type { Prompt } from "./Prompt.ts"
import { section } from "./section.ts"

export class ClientVariables extends Context.Service<
  ClientVariables,
  {
    /** The configured variables, overridden by the caller's arguments. */
    readonly merge: (prompt: Prompt, given: Readonly<Record<string, string>>) => Merged
    /** Ids of the clients that have configured variables. */
    readonly clients: (prompt: Prompt) => ReadonlyArray<string>
    /** Runs `changed` after each configuration change while the scope is open. */
    readonly watch: (changed: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
  }
>()("manifold/prompts/ClientVariables") {
  static readonly layer = Layer.effect(
    ClientVariables,
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const listeners = new Set<Effect.Effect<void>>()
      let settings: Readonly<Record<string, PromptSettings | undefined>> = {}
      yield* config.follow(section, (now) =>
        Effect.suspend(() => {
          settings = now
          return Effect.all(listeners, { discard: true })
        })
      )
      return ClientVariables.of({
        merge: (prompt, given) => mergeVariables(prompt, settings[prompt.name], given),
        clients: (prompt) => Object.keys(settings[prompt.name]?.clients ?? {}),
        watch: (changed) =>
          Effect.acquireRelease(
            Effect.sync(() => void listeners.add(changed)),
            () => Effect.sync(() => listeners.delete(changed))
          )
      })
    })
  )
}
