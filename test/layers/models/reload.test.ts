/** Hot reload of the sections `llm` and `prices`: keys, models, prices and tools change without a restart. */
import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { section as pricesSection } from "../../../layers/ledger/section.ts"
import { Models } from "../../../layers/models/Models.ts"
import { section } from "../../../layers/models/section.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import * as Toolset from "../../../src/catalog/toolkitEntries.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import * as askModel from "../../../src/tools/askModel.ts"
import { fixedBudget } from "../../support/budget.ts"
import { it } from "../../support/effect.ts"
import { chunk, collect, done, events, local, models, server, usage } from "../../support/models.ts"
import { given } from "../config/files.ts"

const answer = () => events([chunk({ content: "Hi" }, { finish: "stop" }), usage(1000, 2000), done])

/** Models and a tool over a file that the test changes, and the texts of the budget. */
const over = (files: Record<string, string>) => {
  const budget = fixedBudget("100")
  const layer = Toolset.layer(askModel).pipe(
    Layer.provideMerge(Catalog.layer),
    Layer.provideMerge(models(undefined, { config: given({ files }), budget: budget.layer }))
  )
  const write = (value: object) =>
    Effect.sync(() => {
      files["manifold.yaml"] = JSON.stringify(value)
    })
  const reload = Effect.gen(function* () {
    const config = yield* ConfigSource
    return yield* config.reload
  })
  return { budget, layer, reload, write }
}

const listed = Effect.gen(function* () {
  const { items } = yield* (yield* Catalog).tools(stdioUser)
  return items.map(({ name }) => name)
})

const costOf = (finish: object | undefined) =>
  (finish as { readonly metadata: { readonly manifold: { readonly cost_usd: string | null } } } | undefined)
    ?.metadata.manifold.cost_usd

it.live(
  "a changed key, model and price take effect with the next call, and an unchanged provider is kept",
  () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(answer)
      const llm = (more: object) => {
        const { active, providers } = local(url, { api_key: "first-key", ...more })
        return { active, providers: { ...providers, other: { base_url: url, model: "o" } } }
      }
      const prices = (input: number) => ({ models: { "local/*": [{ input }] } })
      const { budget, layer, reload, write } = over({})
      yield* write({ llm: llm({}), prices: prices(1) })
      yield* Effect.gen(function* () {
        const config = yield* ConfigSource
        yield* config.check([section, pricesSection])
        const { providers } = yield* Models
        expect(costOf((yield* collect({ maxTokens: 10 })).finish)).toBe("0.001")
        const held = budget.asked[0]
        yield* write({ llm: llm({ api_key: "second-key", model: "n" }), prices: prices(1000) })
        expect((yield* reload).needRestart).toEqual([])
        expect(costOf((yield* collect({ maxTokens: 10 })).finish)).toBe("1")
        expect(budget.asked[2]).not.toBe(held)
        const after = yield* Models
        expect(after.providers.map(({ model }) => model)).toEqual(["n", "o"])
        expect(after.providers[0]).not.toBe(providers[0])
        expect(after.providers[1]).toBe(providers[1] as never)
      }).pipe(Effect.provide(layer))
      expect(requests.map(({ body }) => (body as { readonly model: string }).model)).toEqual(["m", "n"])
      expect(requests.map(({ headers }) => headers.get("authorization"))).toEqual([
        "Bearer first-key",
        "Bearer second-key"
      ])
    })
)

it.live("a mistake changes nothing", () =>
  Effect.gen(function* () {
    const { url } = yield* server(answer)
    const { layer, reload, write } = over({})
    yield* write({ llm: local(url) })
    yield* Effect.gen(function* () {
      const config = yield* ConfigSource
      yield* config.check([section, pricesSection])
      yield* write({ llm: { ...local(url, { model: "n" }), active: "absent" } })
      expect((yield* Effect.flip(reload))._tag).toBe("ConfigInvalid")
      expect((yield* Models).providers.map(({ model }) => model)).toEqual(["m"])
      expect((yield* collect()).text).toBe("Hi")
    }).pipe(Effect.provide(layer))
  })
)

it.live("a section llm that is added lists the model tools, and one that is removed removes them", () =>
  Effect.gen(function* () {
    const { url } = yield* server(answer)
    const { layer, reload, write } = over({ "manifold.yaml": "" })
    yield* Effect.gen(function* () {
      const config = yield* ConfigSource
      yield* config.check([section, pricesSection])
      expect(yield* listed).toEqual([])
      yield* write({ llm: local(url) })
      yield* reload
      expect(yield* listed).toEqual(["ask-model"])
      yield* write({})
      yield* reload
      expect(yield* listed).toEqual([])
    }).pipe(Effect.provide(layer))
  })
)
