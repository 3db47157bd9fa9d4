/** The program's quotas: memory, streams, sessions, subscriptions, connections, output. */
import { Context, Effect, Layer } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Quota, type QuotaLimits } from "./Quota.ts"
import { section } from "./section.ts"

/** Names of the quotas in the settings and the metrics. */
export const kinds = [
  "memory",
  "streams",
  "sessions",
  "subscriptions",
  "connections",
  "sign_ins",
  "output"
] as const
export type QuotaKind = (typeof kinds)[number]

type Settings = Readonly<Record<QuotaKind, QuotaLimits>>

const unlimited: QuotaLimits = { principal: Infinity, total: Infinity }

const make = (limitsOf: (kind: QuotaKind) => QuotaLimits): Readonly<Record<QuotaKind, Quota>> => ({
  memory: new Quota(limitsOf("memory")),
  streams: new Quota(limitsOf("streams")),
  sessions: new Quota(limitsOf("sessions")),
  subscriptions: new Quota(limitsOf("subscriptions")),
  connections: new Quota(limitsOf("connections")),
  sign_ins: new Quota(limitsOf("sign_ins")),
  output: new Quota(limitsOf("output"))
})

export class Quotas extends Context.Service<Quotas, Readonly<Record<QuotaKind, Quota>>>()(
  "manifold/quotas/Quotas"
) {
  /** Reads and follows section `quotas`. */
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

  /** With these limits; the other quotas are unlimited. */
  static readonly layerOf = (limits: Partial<Settings> = {}) =>
    Layer.sync(Quotas, () => Quotas.of(make((kind) => limits[kind] ?? unlimited)))
}
