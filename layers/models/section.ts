/** The section `llm`: the providers of language models, their keys, models and limits. */
import { Duration, Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import { Secret } from "../config/Secret.ts"
import * as Section from "../config/Section.ts"
import { knownNames, knownProvider, knownProviders } from "./providers.ts"

const count = (minimum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum: 2 ** 31 - 1 }))
const span = DurationSetting.check(
  Schema.makeFilter((duration) => Duration.toMillis(duration) >= 1 || "must be at least 1 ms")
)
const sampling = (maximum: number, description: string) =>
  Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum })).annotate({
    description: `${description}. Default: the provider's own.`
  })
/** Field names and values of RFC 9110, section 5. */
const HeaderName = Schema.String.check(Schema.isPattern(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/))

const names = knownNames.join(", ")

const provider = () =>
  Schema.Struct({
    api_key: Schema.optionalKey(
      Secret.pipe(
        Schema.annotateEncoded({
          description: `The key, \`env:NAME\` or \`file:PATH\`. Required for ${names}; other servers may need none.`
        })
      )
    ),
    base_url: Schema.optionalKey(
      Schema.String.check(Schema.isPattern(/^https?:\/\/[^\s/]+/)).annotate({
        expected: "a URL such as https://api.example/v1",
        description: `An OpenAI-compatible endpoint. Default: the provider's own, for ${names}.`
      })
    ),
    model: Schema.NonEmptyString.annotate({ description: "Default model." }),
    image_model: Schema.optionalKey(
      Schema.NonEmptyString.annotate({
        description: "Default model for images. Required for images of a server other than openai."
      })
    ),
    temperature: Schema.optionalKey(sampling(2, "Sampling temperature")),
    max_tokens: Schema.optionalKey(
      count(1).annotate({
        description: `Maximum output tokens of one response. Default: 8192 for ${names}, else the server's own.`
      })
    ),
    max_tools: Schema.optionalKey(
      count(1).annotate({
        description: `Maximum tools of one request. Default: ${knownProviders
          .flatMap(({ maxTools, name }) => (maxTools === undefined ? [] : [`${maxTools} for ${name}`]))
          .join(", ")}, else no limit.`
      })
    ),
    top_p: Schema.optionalKey(sampling(1, "Nucleus sampling: the share of probability that is considered")),
    headers: Section.optional(
      Schema.Record(HeaderName, Secret),
      {},
      "Headers of every request, by name. Values are secrets."
    ),
    time_limit: Section.optional(span, "10 minutes", "Time limit of one call, including retries."),
    first_token_timeout: Section.optional(
      span,
      "2 minutes",
      "Maximum time until the first part of a response. Reasoning models may think for minutes."
    ),
    idle_timeout: Section.optional(span, "1 minute", "Maximum time between two parts of a stream."),
    image_time_limit: Section.optional(
      span.check(
        Schema.makeFilter((duration) => Duration.toSeconds(duration) >= 60 || "must be at least 60 seconds")
      ),
      "120 seconds",
      "Time limit of one image, at least 60 seconds."
    ),
    concurrency: Section.optional(count(1), 64, "Maximum number of concurrent calls of this provider.")
  })

export const section = Section.deferred(
  "llm",
  () =>
    Schema.Struct({
      active: Schema.NonEmptyString.annotate({
        description: "Default provider: one of `providers`."
      }),
      fallback: Section.optional(
        Schema.Array(Schema.NonEmptyString),
        [],
        "Providers that take over, in this order, when the active one fails before the first part of its response. Only for calls that name no model."
      ),
      max_input_bytes: Section.optional(
        count(1),
        512 * 1024,
        "Maximum size of a prompt in bytes of text, without images."
      ),
      images_at_once: Section.optional(
        count(1),
        3,
        "Maximum number of images of one call that are made concurrently."
      ),
      providers: Schema.Record(Schema.String, provider()).annotate({
        description: "Settings of each provider, by its name."
      })
    }).check(
      Schema.makeFilter((settings) => {
        const configured = Object.keys(settings.providers)
        const problem = (key: string, name: string, issue: string) => ({
          path: ["providers", name, key],
          issue
        })
        const issues = configured.flatMap((name) => {
          const { api_key, base_url, temperature = 0 } = settings.providers[name] ?? {}
          const known = knownProvider(name)
          if (known === undefined) {
            return base_url === undefined
              ? [problem("base_url", name, `required for a provider other than ${names}`)]
              : []
          }
          const { maxTemperature } = known
          return [
            ...(api_key === undefined ? [problem("api_key", name, "required, but missing")] : []),
            ...(temperature > maxTemperature
              ? [problem("temperature", name, `must be at most ${maxTemperature} for ${name}`)]
              : [])
          ]
        })
        const unknown = (path: ReadonlyArray<string | number>) => ({
          path,
          issue: "not one of the providers below it"
        })
        settings.fallback.forEach((name, index) => {
          if (!configured.includes(name)) issues.push({ ...unknown(["fallback", index]) } as never)
        })
        if (configured.includes(settings.active)) return issues
        return [...issues, { path: ["active"], issue: "not one of the providers below it" }]
      })
    ),
  { description: "Language models." }
)

export type Settings = (typeof section)["schema"]["Type"]
export type ProviderSettings = Settings["providers"][string]
