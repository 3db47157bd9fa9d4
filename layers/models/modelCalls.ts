/** Chooses provider and model for each request, checks it, and falls back to other providers before the first part. */
import { Effect, type Scope, Stream } from "effect"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import type { Tokens } from "../ledger/Tokens.ts"
import type { Outbound } from "../outbound/Outbound.ts"
import type { TextRequest } from "./Adapter.ts"
import type { Spine } from "./guardedCall.ts"
import { ModelError } from "./ModelError.ts"
import { ModelList } from "./ModelList.ts"
import type { Configured } from "./configuredProviders.ts"
import { imageCall } from "./imageCall.ts"
import { imageOptions } from "./imageOptions.ts"
import type { ModelFailure, ModelRequest, NewImage } from "./ModelRequest.ts"
import { promptText } from "./parts.ts"
import type { Provider } from "./Provider.ts"
import type { Dialect } from "./providers.ts"
import { textCall, type Called } from "./textCall.ts"

export interface Ground {
  /** The settings in force. */
  readonly settings: () => Configured
  readonly spine: Spine
  readonly tokens: Tokens["Service"]
  readonly outbound: Outbound["Service"]
}

/** Largest response, in bytes: an image in base64. */
const mostBytes = 64 * 1024 * 1024

/** Each SDK is loaded by the first call that needs it. */
const dialects = {
  openai: () => import("./openai.ts"),
  anthropic: () => import("./anthropic.ts")
} as const satisfies Record<Dialect, unknown>

interface Opened extends Called {
  readonly list: ModelList
}

/** Failures of the provider, not of the request: another provider may succeed. */
const isProviderFailure = (error: ModelFailure): boolean =>
  error._tag === "ModelError"
    ? ["auth", "quota", "rate_limited", "overloaded", "network"].includes(error.reason)
    : error._tag === "CircuitOpen" ||
      error._tag === "TimedOut" ||
      (error._tag === "Busy" && error.limit.startsWith("dependency"))

/** In characters; the name of the model is the name of the call in logs and metrics. */
const maxModelName = 200

const longName = (provider: string) =>
  invalid(provider, `the model's name is longer than ${maxModelName} characters`, "Use the model's id.")

const invalid = (provider: string, detail: string, remedy: string) =>
  new ModelError({ reason: "invalid", provider, detail, remedy })

export const make = Effect.fnUntraced(function* ({ outbound, settings, spine, tokens }: Ground) {
  const fetch = yield* outbound.configuredFetch(mostBytes)
  const namesOf = () =>
    settings()
      .providers.map(({ name }) => name)
      .join(", ")

  const tooLong = (provider: string, model: string | undefined, bytes: number) =>
    new ModelError({
      reason: "context_too_long",
      provider,
      ...(model !== undefined && { model: model.slice(0, 200) }),
      detail: `the prompt has ${bytes} bytes of text, more than ${settings().maxInputBytes}`,
      remedy: "Shorten it, or raise llm.max_input_bytes."
    })

  const openProvider = Effect.fnUntraced(function* (provider: Provider) {
    const { make: adapt } = yield* Effect.promise(() => dialects[provider.dialect]())
    const adapter = adapt(provider, fetch)
    return { spine, tokens, provider, adapter, list: new ModelList(provider, adapter) } satisfies Opened
  })
  /** By provider, which a reload replaces if it has changed. */
  const opened = new WeakMap<Provider, Effect.Effect<Opened>>()

  const byName = (name: string): Effect.Effect<Opened, ModelError> => {
    const provider = settings().providers.find((each) => each.name === name)
    if (provider === undefined) {
      const names = namesOf()
      const remedy = names === "" ? "Configure one in section llm." : `Choose one of ${names}.`
      return invalid(name.slice(0, 100), "there is no such provider", remedy)
    }
    return (
      opened.get(provider) ??
      Effect.flatMap(Effect.cached(openProvider(provider)), (made) => {
        opened.set(provider, made)
        return made
      })
    )
  }

  /** The provider of a request that does not name one: the active one, the only one, or the one that has the model. */
  const byModel = Effect.fnUntraced(function* (model: string | undefined) {
    const { active, providers } = settings()
    const [first, ...rest] = providers
    if (active !== undefined) return yield* byName(active)
    if (first !== undefined && rest.length === 0) return yield* byName(first.name)
    for (const { name } of model === undefined ? [] : providers) {
      const found = yield* byName(name)
      if ((yield* found.list.ids)?.has(model ?? "") === true) return found
    }
    const detail = model === undefined ? "the request names no model" : "no provider lists that model"
    return yield* invalid("llm", detail, `Name a provider (${namesOf()}) and one of its models.`)
  })

  const requestOf = (
    { list, provider }: Opened,
    request: ModelRequest
  ): Effect.Effect<TextRequest, ModelError> => {
    const model = request.model ?? provider.model
    if (model === undefined) {
      return invalid(
        provider.name,
        "the request names no model",
        "Name a model, or configure one in llm.providers."
      )
    }
    const prompt = Prompt.make(request.prompt)
    if (model.length > maxModelName) return longName(provider.name)
    const bytes = Buffer.byteLength(promptText(prompt))
    if (bytes > settings().maxInputBytes) return tooLong(provider.name, model, bytes)
    const { tools = [] } = request
    if (provider.maxTools !== undefined && tools.length > provider.maxTools) {
      const setting = `llm.providers.${provider.name}.max_tools`
      const detail = `the request has ${tools.length} tools, more than ${provider.maxTools} (${setting})`
      return invalid(
        provider.name,
        detail,
        `Choose fewer tools, or raise ${setting} if the provider accepts more.`
      )
    }
    const temperature = request.temperature ?? provider.temperature
    if (temperature !== undefined && (temperature < 0 || temperature > provider.maxTemperature)) {
      const detail = `temperature ${temperature} is out of range`
      return invalid(provider.name, detail, `Use a temperature from 0 to ${provider.maxTemperature}.`)
    }
    return Effect.as(list.check(model), {
      model,
      prompt,
      tools,
      toolChoice: request.toolChoice ?? "auto",
      responseFormat: request.responseFormat ?? { type: "text" },
      temperature,
      maxTokens: request.maxTokens ?? provider.maxTokens,
      topP: request.topP ?? provider.topP
    })
  }

  type Parts = Stream.Stream<Response.StreamPartEncoded, ModelFailure>
  /** A stream whose call has begun, and ends with the scope. */
  type Begun = Effect.Effect<Parts, ModelFailure, Scope.Scope>

  const one = (target: Effect.Effect<Opened, ModelError>, request: ModelRequest): Begun =>
    Effect.flatMap(target, (called) =>
      Effect.flatMap(requestOf(called, request), (checked) => textCall(called, checked))
    )

  /** The next provider answers only if the one before it failed without a single part. */
  const withFallback = (name: string, others: ReadonlyArray<string>, request: ModelRequest): Parts => {
    const first = Stream.suspend(() => Stream.unwrap(one(byName(name), request)))
    const [second, ...rest] = others
    if (second === undefined) return first
    let begun = false
    return first.pipe(
      Stream.mapArray((parts) => {
        begun = true
        return parts
      }),
      Stream.catch((error): Parts => {
        if (begun || !isProviderFailure(error)) return Stream.fail(error)
        const notice = `Provider ${name} failed, ${second} responds instead: ${error.message}`
        return Stream.unwrap(Effect.as(Effect.logWarning(notice), withFallback(second, rest, request)))
      })
    )
  }

  const begin = (request: ModelRequest): Begun => {
    const { active, fallback } = settings()
    if (request.provider !== undefined) return one(byName(request.provider), request)
    if (request.model !== undefined || active === undefined) return one(byModel(request.model), request)
    const others = fallback.filter((name) => name !== active)
    return others.length === 0
      ? one(byName(active), request)
      : Effect.succeed(withFallback(active, others, request))
  }

  /** The active provider if it makes images, else the first one that does. */
  const painter = () => {
    const { active, providers } = settings()
    const able = providers.filter(({ images }) => images)
    return (able.find(({ name }) => name === active) ?? able[0])?.name ?? active ?? "llm"
  }

  const image = Effect.fnUntraced(function* (request: NewImage) {
    const called = yield* byName(request.provider ?? painter())
    const { list, provider } = called
    const options = imageOptions(provider, request)
    if (options instanceof ModelError) return yield* options
    const bytes = Buffer.byteLength(request.prompt)
    if (bytes > settings().maxInputBytes) return yield* tooLong(provider.name, request.model, bytes)
    const model = request.model ?? provider.imageModel
    if (model === undefined) {
      const found = [...((yield* list.ids) ?? [])].filter((id) => id.includes("image")).slice(0, 3)
      const such = found.length > 0 ? `, such as ${found.join(", ")}` : ""
      const remedy = `Name an image model${such}, or configure llm.providers.${provider.name}.image_model.`
      return yield* invalid(provider.name, "the request names no image model", remedy)
    }
    if (model.length > maxModelName) return yield* longName(provider.name)
    yield* list.check(model, "image")
    return yield* imageCall(called, { model, prompt: request.prompt, format: request.format, ...options })
  })

  const prepare = Effect.ignore(
    Effect.gen(function* () {
      const { list, provider } = yield* byModel(undefined)
      const { baseUrl, model = "", name } = provider
      // The price list is loaded meanwhile.
      const price = spine.prices.cost({ provider: name, model, baseUrl, usage: {} })
      yield* Effect.all([list.ids, price], { concurrency: 2, discard: true })
    })
  )

  return { begin, image, prepare }
})
