/** The providers of this process: section `llm`, or without it the keys of the environment. */
import { Effect, Option } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Environment } from "../platform/Environment.ts"
import { fromEnvironment, fromSettings, type Provider } from "./Provider.ts"
import { section } from "./section.ts"

export interface Configured {
  readonly providers: ReadonlyArray<Provider>
  readonly active: string | undefined
  readonly fallback: ReadonlyArray<string>
  readonly maxInputBytes: number
  readonly imagesAtOnce: number
}

const usual = { active: undefined, fallback: [], maxInputBytes: 512 * 1024, imagesAtOnce: 3 }

/** Section `llm`, or without it every provider whose key variable is set. */
export const configured = Effect.gen(function* () {
  const settings = yield* Effect.orDie((yield* ConfigSource).readOption(section))
  const { get } = yield* Environment
  return Option.match(settings, {
    onNone: (): Configured => ({ ...usual, providers: fromEnvironment(get) }),
    onSome: (llm): Configured => ({
      providers: fromSettings(llm),
      active: llm.active,
      fallback: llm.fallback,
      maxInputBytes: llm.max_input_bytes,
      imagesAtOnce: llm.images_at_once
    })
  })
})
