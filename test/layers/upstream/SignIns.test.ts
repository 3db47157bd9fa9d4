/** Sign-ins that wait: their number, their time-out, and their states. */
import { describe, expect } from "bun:test"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { Duration, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { Quotas } from "../../../layers/quotas/Quotas.ts"
import { type Resume, SignIns } from "../../../layers/upstream/oauth/SignIns.ts"
import { UpstreamError } from "../../../layers/upstream/UpstreamError.ts"
import { Identity } from "../../../src/domain/Identity.ts"
import { it } from "../../support/effect.ts"
import { stateFolder } from "../../support/service.ts"

const servicesIn = (dir: string) =>
  SignIns.layer.pipe(
    Layer.provideMerge(Quotas.layerOf({ sign_ins: { principal: 1, total: 2 } })),
    Layer.provideMerge(Storage.layer),
    Layer.provideMerge(ConfigSource.layerFrom({ storage: { dir } })),
    Layer.provideMerge(Layer.succeed(Identity, { name: "test", version: "1" })),
    Layer.provideMerge(Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({})))
  )
const services = Layer.unwrap(Effect.map(stateFolder, servicesIn))
const url = "https://own.example.com/mcp"

/** A sign-in at the authorization server, which accepts every response with a code. */
const begin = (principal: string) =>
  Effect.gen(function* () {
    const signIns = yield* SignIns
    const seen = { expired: 0 }
    const signIn = yield* signIns.begin({
      server: "own",
      url,
      principal,
      scope: undefined,
      timeout: Duration.minutes(10),
      redirectUri: undefined,
      prepare: (place, state) =>
        Effect.succeed({
          flow: `flow of ${principal}`,
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

  it.effect("are finished by their account after a restart, once", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const { state } = yield* Effect.andThen(served, begin("one")).pipe(Effect.provide(servicesIn(dir)))
      expect((yield* Effect.promise(() => readdir(join(dir, "sign-ins")))).length).toBe(1)
      yield* Effect.gen(function* () {
        const { finish, resumes } = yield* SignIns
        const resumed: Array<string> = []
        yield* resumes({ server: "own", url, principal: "one" }, (flow, params) =>
          Effect.sync(() => void resumed.push(flow, params.get("code") ?? ""))
        )
        const params = new URLSearchParams({ state, code: "x" })
        expect(yield* finish(params)).toEqual({ ok: true, server: "own" })
        expect(yield* finish(params)).toEqual({ ok: false })
        expect(resumed).toEqual(["flow of one", "x"])
      }).pipe(Effect.provide(servicesIn(dir)))
    })
  )

  it.effect("are finished after a restart when their account is used, if that is later", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const { state } = yield* Effect.andThen(served, begin("one")).pipe(Effect.provide(servicesIn(dir)))
      yield* Effect.gen(function* () {
        const { finish, resumes } = yield* SignIns
        const resumed: Array<string> = []
        const resume: Resume = (flow, params) =>
          Effect.sync(() => void resumed.push(flow, params.get("code") ?? ""))
        const params = new URLSearchParams({ state, code: "x" })
        expect(yield* finish(params)).toEqual({ ok: true, server: "own", later: true })
        yield* resumes({ server: "own", url, principal: "two" }, resume)
        expect(resumed).toEqual([])
        yield* resumes({ server: "own", url, principal: "one" }, resume)
        yield* resumes({ server: "own", url, principal: "one" }, resume)
        expect(resumed).toEqual(["flow of one", "x"])
      }).pipe(Effect.provide(servicesIn(dir)))
    })
  )

  it.effect("expire after a restart at the time at which they would have expired before it", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const { state } = yield* Effect.andThen(served, begin("one")).pipe(Effect.provide(servicesIn(dir)))
      yield* TestClock.adjust("10 minutes")
      const { finish } = yield* SignIns.pipe(Effect.provide(servicesIn(dir)))
      expect(yield* finish(new URLSearchParams({ state, code: "x" }))).toEqual({ ok: false })
      expect(yield* Effect.promise(() => readdir(join(dir, "sign-ins")))).toEqual([])
    })
  )

  it.effect("are stored encrypted, and at most 16 per account", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const states: Array<string> = []
      // Each run is ended by a restart.
      for (let run = 0; run < 20; run++) {
        yield* TestClock.adjust("1 second")
        const { state } = yield* Effect.andThen(served, begin("one")).pipe(Effect.provide(servicesIn(dir)))
        states.push(state)
      }
      const names = yield* Effect.promise(() => readdir(join(dir, "sign-ins")))
      expect(names.length).toBe(16)
      const contents = yield* Effect.promise(() =>
        Promise.all(names.map((name) => readFile(join(dir, "sign-ins", name), "latin1")))
      )
      expect(contents.filter((text) => text.includes("flow of") || text.includes("example"))).toEqual([])
      yield* Effect.gen(function* () {
        const { finish } = yield* SignIns
        const outcome = (state = "") => finish(new URLSearchParams({ state, code: "x" }))
        expect(yield* outcome(states[0])).toEqual({ ok: false })
        expect(yield* outcome(states[19])).toMatchObject({ ok: true })
      }).pipe(Effect.provide(servicesIn(dir)))
    })
  )
})
