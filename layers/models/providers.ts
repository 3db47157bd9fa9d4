/** The list of model providers: configuration keys, documentation, `doctor` and the tools derive from it. */

/** The HTTP interface that a provider offers. */
export type Dialect = "openai" | "anthropic"

export interface KnownProvider {
  /** Its key under `llm.providers`, and its id in price lists. */
  readonly name: string
  /** Display name. */
  readonly title: string
  readonly dialect: Dialect
  /** The environment variable of its key. */
  readonly keyVariable: string
  readonly baseUrl: string
  /** The highest sampling temperature that it accepts. */
  readonly maxTemperature: number
  /** Name of the field that limits output tokens; it differs among OpenAI-compatible servers. */
  readonly maxTokensField: "max_completion_tokens" | "max_tokens"
  /** Whether it makes images. */
  readonly images: boolean
  /** Most tools that it accepts in one request; absent: it states no maximum. */
  readonly maxTools?: number
}

const list = [
  {
    name: "openai",
    title: "OpenAI",
    dialect: "openai",
    keyVariable: "OPENAI_API_KEY",
    baseUrl: "https://api.openai.com/v1",
    maxTemperature: 2,
    maxTokensField: "max_completion_tokens",
    images: true,
    maxTools: 128
  },
  {
    name: "anthropic",
    title: "Anthropic",
    dialect: "anthropic",
    keyVariable: "ANTHROPIC_API_KEY",
    baseUrl: "https://api.anthropic.com",
    maxTemperature: 1,
    maxTokensField: "max_tokens",
    images: false
  },
  {
    name: "groq",
    title: "Groq",
    dialect: "openai",
    keyVariable: "GROQ_API_KEY",
    baseUrl: "https://api.groq.com/openai/v1",
    maxTemperature: 2,
    maxTokensField: "max_completion_tokens",
    images: false,
    maxTools: 128
  }
] as const satisfies ReadonlyArray<KnownProvider>

export const knownProviders: ReadonlyArray<KnownProvider> = list

/** Their names, in the order of the list. */
export const knownNames: ReadonlyArray<string> = list.map(({ name }) => name)

export const knownProvider = (name: string): KnownProvider | undefined =>
  knownProviders.find((provider) => provider.name === name)

/** Defaults of a provider that is not in the list: an OpenAI-compatible server. */
export const compatible = {
  dialect: "openai",
  maxTemperature: 2,
  maxTokensField: "max_tokens",
  images: false
} as const satisfies Partial<KnownProvider>
