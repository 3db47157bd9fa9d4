/** A provider with its settings: its entry in the list, completed by the configuration or the environment. */
import { Duration, Redacted } from "effect"
import type { Settings } from "./section.ts"
import { compatible, knownProvider, knownProviders, type KnownProvider } from "./providers.ts"

export interface Provider extends Pick<
  KnownProvider,
  "dialect" | "images" | "maxTemperature" | "maxTokensField" | "name" | "title" | "baseUrl"
> {
  /** Absent: unlimited. */
  readonly maxTools: number | undefined
  /** Absent: the server needs none. */
  readonly key: Redacted.Redacted | undefined
  readonly headers: Readonly<Record<string, Redacted.Redacted>>
  /** Where the key comes from, for error messages. */
  readonly keySetting: string
  readonly model: string | undefined
  readonly imageModel: string | undefined
  readonly temperature: number | undefined
  /** Absent: the server's own limit. */
  readonly maxTokens: number | undefined
  readonly topP: number | undefined
  /** Milliseconds, like the next two. */
  readonly timeLimit: number
  readonly firstTokenTimeout: number
  readonly idleTimeout: number
  readonly imageTimeLimit: number
  readonly concurrency: number
}

/** Default maximum of output tokens for known providers. */
const usualMaxTokens = 8192

const usual = {
  headers: {},
  model: undefined,
  imageModel: undefined,
  temperature: undefined,
  topP: undefined,
  timeLimit: 600_000,
  firstTokenTimeout: 120_000,
  idleTimeout: 60_000,
  imageTimeLimit: 120_000,
  concurrency: 64
} as const satisfies Partial<Provider>

/** A provider of section `llm`. */
const configured = (name: string, settings: Settings["providers"][string]): Provider => {
  const known = knownProvider(name)
  const millis = Duration.toMillis
  return {
    ...(known ?? { ...compatible, name, title: name, baseUrl: "" }),
    ...(settings.base_url !== undefined && { baseUrl: settings.base_url.replace(/\/+$/, "") }),
    // A proxy of a known provider makes images if the provider does; any other server needs `image_model`.
    images: known?.images === true || settings.image_model !== undefined,
    key: settings.api_key,
    keySetting: `llm.providers.${name}.api_key`,
    headers: settings.headers,
    model: settings.model,
    imageModel: settings.image_model,
    temperature: settings.temperature,
    maxTokens: settings.max_tokens ?? (known && usualMaxTokens),
    maxTools: settings.max_tools ?? known?.maxTools,
    topP: settings.top_p,
    timeLimit: millis(settings.time_limit),
    firstTokenTimeout: millis(settings.first_token_timeout),
    idleTimeout: millis(settings.idle_timeout),
    imageTimeLimit: millis(settings.image_time_limit),
    concurrency: settings.concurrency
  }
}

export const fromSettings = ({ providers }: Settings): ReadonlyArray<Provider> =>
  Object.entries(providers).map(([name, settings]) => configured(name, settings))

/** Without a section `llm`: every known provider whose key variable is set. */
export const fromEnvironment = (get: (name: string) => string | undefined): ReadonlyArray<Provider> =>
  knownProviders.flatMap((known) => {
    const key = get(known.keyVariable)?.trim() ?? ""
    return key === ""
      ? []
      : [
          {
            ...usual,
            ...known,
            maxTools: known.maxTools,
            key: Redacted.make(key),
            keySetting: known.keyVariable,
            maxTokens: usualMaxTokens
          }
        ]
  })
