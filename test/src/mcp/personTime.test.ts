/** Time limits of calls: the time of a person who fills in a form, visits a page or signs in does not count. */
import { describe, expect } from "bun:test"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Ids } from "../../../layers/platform/Ids.ts"
import { Quotas } from "../../../layers/quotas/Quotas.ts"
import type { Account } from "../../../layers/upstream/oauth/Account.ts"
import type { UpstreamError } from "../../../layers/upstream/UpstreamError.ts"
import { Client, type InputRequest } from "../../../src/catalog/Client.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import type { Resumption } from "../../../src/mcp/Continuation.ts"
import { byRequest, Suspended } from "../../../src/mcp/inputRequests.ts"
import { SuspendedCalls } from "../../../src/mcp/SuspendedCalls.ts"
import { offerSignIn } from "../../../src/upstreams/signInTool.ts"
import { it } from "../../support/effect.ts"
import { guard, protect } from "../../support/guard.ts"

const layers = Layer.mergeAll(guard({}), Ids.layer, Quotas.layerOf())
const timeLimit = Duration.seconds(60)

/** The only boundary that is not ours: the authorization server has not answered until `done`. */
const accountOf = (done: Deferred.Deferred<void, UpstreamError>): Account => ({
  accessToken: () => undefined,
  authProvider: { token: async () => undefined },
  observed: (fetch) => fetch,
  signIn: () =>
    Effect.succeed({
      url: "https://login.example/page",
      scope: undefined,
      done: Deferred.await(done),
      complete: Effect.void,
      forget: Effect.void
    }),
  isWaiting: () => true,
  forget: Effect.void
})

/** A session's client whose responses come when the test completes them. */
const slowClient = () => {
  const response = Promise.withResolvers<unknown>()
  const ask = byRequest(
    () => true,
    () => response.promise,
    () => "id"
  )
  // The keys do not express which response belongs to which request.
  const client = { ...Client.absent, supports: () => true, ask: ask as Client["Service"]["ask"] }
  return { client: Client.of(client), respond: response.resolve }
}

const asking = (request: InputRequest) => Client.use((client) => client.ask({ key: request }))

describe("in a session", () => {
  for (const request of [
    { kind: "elicit", message: "Sure?", schema: {} },
    { kind: "visit", message: "Pay.", url: "https://pay.example" }
  ] as const) {
    it.effect(`a call waits for a person beyond its time limit: ${request.kind}`, () =>
      Effect.gen(function* () {
        const { client, respond } = slowClient()
        const call = yield* Effect.forkChild(
          protect({ name: "asks", timeLimit }, asking(request)).pipe(Effect.provideService(Client, client)),
          { startImmediately: true }
        )
        yield* TestClock.adjust("5 minutes")
        expect(call.pollUnsafe()).toBeUndefined()
        respond({ action: "accept" })
        expect(yield* Fiber.join(call)).toEqual({ key: { action: "accept" } })
      }).pipe(Effect.provide(layers))
    )
  }

  it.effect("the time of the client's model counts", () =>
    Effect.gen(function* () {
      const { client } = slowClient()
      const call = yield* Effect.forkChild(
        protect({ name: "samples", timeLimit }, asking({ kind: "sample", messages: [], maxTokens: 1 })).pipe(
          Effect.provideService(Client, client)
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("61 seconds")
      expect(yield* Effect.flip(Fiber.join(call))).toMatchObject({ _tag: "TimedOut" })
    }).pipe(Effect.provide(layers))
  )

  it.effect("a call waits for a sign-in that its user finishes after its time limit", () =>
    Effect.gen(function* () {
      const { client, respond } = slowClient()
      respond({ action: "accept" })
      const done = yield* Deferred.make<void, UpstreamError>()
      const call = yield* Effect.forkChild(
        protect({ name: "signs in", timeLimit }, offerSignIn("own", accountOf(done), undefined)).pipe(
          Effect.provideService(Client, client)
        ),
        { startImmediately: true }
      )
      // The client has opened the page; its user takes longer.
      yield* TestClock.adjust("5 minutes")
      expect(call.pollUnsafe()).toBeUndefined()
      yield* Deferred.succeed(done, undefined)
      expect(yield* Fiber.join(call)).toEqual({ signedIn: true })
    }).pipe(Effect.provide(layers))
  )
})

it.effect("in the second request of a stateless client a call waits for the sign-in of its user", () =>
  Effect.gen(function* () {
    const { rounds } = yield* SuspendedCalls.make({
      max: 10,
      maxPerPrincipal: 10,
      timeout: Duration.minutes(10)
    })
    const done = yield* Deferred.make<void, UpstreamError>()
    const round = ({ answers, waiting }: Pick<Resumption, "answers" | "waiting">) =>
      protect(
        { name: "signs in", timeLimit },
        rounds({ principal: stdioUser, request: "tools/call", answers, waiting })(
          offerSignIn("own", accountOf(done), undefined)
        )
      ).pipe(Effect.provideService(Client, { ...Client.absent, supports: () => true }))
    const first = yield* Effect.exit(round({ answers: {}, waiting: undefined }))
    const defect = Exit.isFailure(first) ? Cause.squash(first.cause) : undefined
    if (!(defect instanceof Suspended)) throw new Error("The first round was not suspended.")
    const answers = { "sign-in": { action: "accept" } }
    const second = yield* Effect.forkChild(round({ answers, waiting: defect.waiting }), {
      startImmediately: true
    })
    yield* TestClock.adjust("5 minutes")
    expect(second.pollUnsafe()).toBeUndefined()
    yield* Deferred.succeed(done, undefined)
    expect(yield* Fiber.join(second)).toEqual({ signedIn: true })
  }).pipe(Effect.provide(layers))
)
