/** Health of certificates: those that expire soon, and hosts without one of a public CA after several failures. */
import { expect } from "bun:test"
import { Context, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { saveOrder } from "../../../../layers/edge/certificates/acmeRows.ts"
import * as certificateHealth from "../../../../layers/edge/certificates/certificateHealth.ts"
import { ServedCertificates } from "../../../../layers/edge/certificates/ServedCertificates.ts"
import { Health } from "../../../../layers/health/Health.ts"
import { Sql } from "../../../../layers/storage/Sql.ts"
import { Metrics } from "../../../../layers/telemetry/Metrics.ts"
import { instance } from "../../../support/certificates.ts"
import { sqlite } from "../../../support/databases.ts"
import { it } from "../../../support/effect.ts"

it.effect("a host without a public certificate degrades health after three failures in a row", () =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.parse("2026-11-01"))
    const services = yield* Layer.build(
      certificateHealth.layer.pipe(
        Layer.provideMerge(Layer.mergeAll(Health.layer("1"), Metrics.layer)),
        Layer.provideMerge(instance(yield* sqlite, { domains: ["a.example.com"] }))
      )
    )
    const { check } = Context.get(services, Health)
    const fail = (host: string, attempts: number) =>
      Context.get(services, Sql).write((sql) =>
        saveOrder(sql, {
          host,
          directory: "https://ca.example",
          order_url: null,
          sealed_key: null,
          attempts,
          last_error: "no such name",
          next_at: Date.parse("2026-11-02"),
          updated_at: 0
        })
      )
    const { failing } = Context.get(services, ServedCertificates)
    yield* fail("a.example.com", 2)
    yield* fail("removed.example.com", 9)
    yield* TestClock.adjust("3 seconds")
    expect(failing().map(({ host }) => host)).toEqual(["a.example.com"])
    expect(yield* check).toMatchObject({ status: "healthy", parts: { certificates: { status: "ok" } } })

    yield* fail("a.example.com", 3)
    yield* TestClock.adjust("3 seconds")
    expect(yield* check).toMatchObject({
      status: "degraded",
      parts: {
        certificates: {
          status: "failing",
          detail: "no certificates by ACME: a.example.com; list_certificates shows why"
        }
      }
    })
  })
)
