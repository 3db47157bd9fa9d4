/** The program's quotas, by what is held: memory, streams, sessions, subscriptions, output. */
import { Context, Effect, Layer } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Quota, type QuotaLimits } from "./Quota.ts"
import { section } from "./section.ts"

/** Everything that has a quota; the settings and the metrics have these names. */
export const kinds = ["memory", "streams", "sessions", "subscriptions", "output"] as const
export type QuotaKind = (typeof kinds)[number]

type Settings = Readonly<Record<QuotaKind, QuotaLimits>>

const unlimited: QuotaLimits = { principal: Infinity, total: Infinity }

const make = (limitsOf: (kind: QuotaKind) => QuotaLimits): Readonly<Record<QuotaKind, Quota>> => ({
  memory: new Quota(limitsOf("memory")),
  streams: new Quota(limitsOf("streams")),
  sessions: new Quota(limitsOf("sessions")),
  subscriptions: new Quota(limitsOf("subscriptions")),
  output: new Quota(limitsOf("output"))
})

export class Quotas extends Context.Service<Quotas, Readonly<Record<QuotaKind, Quota>>>()(
  "manifold/quotas/Quotas"
) {
  /** Limits by section `quotas`, also after a reload. */
  static readonly layer = Layer.effect(
    Quotas,
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const settings = yield* config.read(section)
      const quotas = make((kind) => settings[kind])
      yield* config.follow(section, (now) =>
        Effect.sync(() => {
          for (const kind of kinds) quotas[kind].configure(now[kind])
        })
      )
      return Quotas.of(quotas)
    })
  )

  /** With these limits, and none for the rest. */
  static readonly layerOf = (limits: Partial<Settings> = {}) =>
    Layer.sync(Quotas, () => Quotas.of(make((kind) => limits[kind] ?? unlimited)))
}
