/** The providers of this process: section `llm`, or without it the keys of the environment. */
import { Effect, Equal, Option } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Environment } from "../platform/Environment.ts"
import { fromEnvironment, fromSettings, type Provider } from "./Provider.ts"
import { section, type Settings } from "./section.ts"

export interface Configured {
  readonly providers: ReadonlyArray<Provider>
  readonly active: string | undefined
  readonly fallback: ReadonlyArray<string>
  readonly maxInputBytes: number
  readonly imagesAtOnce: number
}

const usual = { active: undefined, fallback: [], maxInputBytes: 512 * 1024, imagesAtOnce: 3 }

export const none: Configured = { ...usual, providers: [] }

const read = (
  settings: Option.Option<Settings>,
  get: Environment["Service"]["get"],
  before: Configured
): Configured => {
  const now = Option.match(settings, {
    onNone: () => ({ ...usual, providers: fromEnvironment(get) }),
    onSome: (llm) => ({
      providers: fromSettings(llm),
      active: llm.active,
      fallback: llm.fallback,
      maxInputBytes: llm.max_input_bytes,
      imagesAtOnce: llm.images_at_once
    })
  })
  // A provider that has not changed keeps its connections, its list of models and its slots.
  const kept = now.providers.map((provider) => before.providers.find(Equal.equals(provider)) ?? provider)
  return { ...now, providers: kept }
}

/** Applies the settings now and after each reload that changed them. */
export const follow = (apply: (now: Configured) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const { get } = yield* Environment
    const config = yield* ConfigSource
    let current = none
    yield* Effect.orDie(
      config.followOption(section, (settings) => {
        current = read(settings, get, current)
        return apply(current)
      })
    )
  })
