/** Sign-ins that wait: their number, their time-out, and their states. */
import { describe, expect } from "bun:test"
import { Duration, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Ids } from "../../../layers/platform/Ids.ts"
import { Quotas } from "../../../layers/quotas/Quotas.ts"
import { SignIns } from "../../../layers/upstream/oauth/SignIns.ts"
import { UpstreamError } from "../../../layers/upstream/UpstreamError.ts"
import { it } from "../../support/effect.ts"

const services = SignIns.layer.pipe(
  Layer.provideMerge(Layer.merge(Ids.layer, Quotas.layerOf({ sign_ins: { principal: 1, total: 2 } })))
)

/** A sign-in at the authorization server, which accepts every response with a code. */
const begin = (principal: string) =>
  Effect.gen(function* () {
    const signIns = yield* SignIns
    const seen = { expired: 0 }
    const signIn = yield* signIns.begin({
      server: "own",
      principal,
      scope: undefined,
      timeout: Duration.minutes(10),
      redirectUri: undefined,
      prepare: (place, state) =>
        Effect.succeed({
          url: `https://login.example.com/?state=${state}&redirect_uri=${place.redirectUrl}`,
          expired: Effect.sync(() => seen.expired++),
          finish: (params) =>
            params.has("code")
              ? Effect.void
              : Effect.fail(
                  new UpstreamError({ server: "own", stage: "authenticate", detail: "no code", unsent: true })
                )
        })
    })
    return { ...signIn, seen, state: new URL(signIn.url).searchParams.get("state") ?? "" }
  })

const served = Effect.flatMap(SignIns, ({ serveAt }) =>
  serveAt({ redirectUrl: "https://mcp.example.com/callback" })
)

describe("sign-ins that wait", () => {
  it.effect("are limited per principal and in total", () =>
    Effect.gen(function* () {
      yield* served
      yield* begin("one")
      const second = yield* Effect.flip(begin("one"))
      expect(second.detail).toContain("quotas.sign_ins")
      yield* begin("two")
      expect((yield* Effect.flip(begin("three"))).detail).toContain("quotas.sign_ins")
      expect((yield* SignIns).waiting()).toBe(2)
    }).pipe(Effect.provide(services))
  )

  it.effect("end with their time-out, and their state is unknown afterwards", () =>
    Effect.gen(function* () {
      yield* served
      const { finish, waiting } = yield* SignIns
      const { done, seen, state } = yield* begin("one")
      const ended = yield* Effect.forkChild(Effect.flip(done))
      yield* TestClock.adjust("10 minutes")
      expect((yield* Fiber.join(ended)).detail).toContain("not finished within 600 s")
      expect(seen.expired).toBe(1)
      expect(waiting()).toBe(0)
      expect(yield* finish(new URLSearchParams({ state, code: "x" }))).toEqual({ ok: false })
      yield* begin("one")
    }).pipe(Effect.provide(services))
  )

  it.effect("accept one response, whether or not it succeeds", () =>
    Effect.gen(function* () {
      yield* served
      const { finish } = yield* SignIns
      const first = yield* begin("one")
      const failed = new URLSearchParams({ state: first.state, error: "access_denied" })
      expect(yield* finish(failed)).toEqual({ ok: false, server: "own" })
      expect((yield* Effect.flip(first.done)).detail).toBe("no code")
      const late = new URLSearchParams({ state: first.state, code: "x" })
      expect(yield* finish(late)).toEqual({ ok: false })
      const second = yield* begin("two")
      expect(yield* finish(new URLSearchParams({ state: second.state, code: "x" }))).toEqual({
        ok: true,
        server: "own"
      })
      yield* second.done
    }).pipe(Effect.provide(services))
  )
})
