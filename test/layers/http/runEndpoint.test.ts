/** Endpoints written as Effects: a closed connection interrupts them, and a defect is a logged 500. */
import { expect } from "bun:test"
import { Deferred, Effect, Logger, References } from "effect"
import { run } from "../../../layers/http/runEndpoint.ts"
import type { Route } from "../../../layers/http/Routes.ts"
import { it } from "../../support/effect.ts"
import { listen } from "../../support/listener.ts"
import { dial, header, raw } from "../../support/rawHttp.ts"

const get = "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

const endpoint = Effect.fnUntraced(function* (effect: Effect.Effect<Response>) {
  const respond = run(yield* Effect.context<never>())
  return { paths: ["/x"], fetch: (request) => respond(request, effect) } satisfies Route
})

it.live("the response of the effect is sent", () =>
  Effect.gen(function* () {
    const { port } = yield* listen([yield* endpoint(Effect.succeed(new Response("done")))])
    expect((yield* Effect.promise(() => raw(port, get))).body).toBe("done")
  })
)

it.live("a closed connection interrupts the effect and is not logged", () =>
  Effect.gen(function* () {
    const messages: Array<unknown> = []
    const logger = Logger.layer([Logger.make(({ message }) => void messages.push(message))])
    const started = yield* Deferred.make<void>()
    const interrupted = yield* Deferred.make<void>()
    const effect = Deferred.succeed(started, undefined).pipe(
      Effect.andThen(Effect.never),
      Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
    )
    const { port } = yield* listen([yield* endpoint(effect)]).pipe(Effect.provide(logger))
    const connection = dial(port)
    connection.write(get)
    yield* Deferred.await(started)
    connection.end()
    yield* Deferred.await(interrupted)
    expect(messages).toEqual([])
  })
)

it.live("a defect is 500 and logged once with the request id of the response", () =>
  Effect.gen(function* () {
    const ids: Array<unknown> = []
    const logger = Logger.layer([
      Logger.make(({ fiber, logLevel }) => {
        if (logLevel === "Error") ids.push(fiber.getRef(References.CurrentLogAnnotations)["request_id"])
      })
    ])
    const { port } = yield* listen([yield* endpoint(Effect.die(new Error("secret")))]).pipe(
      Effect.provide(logger)
    )
    const reply = yield* Effect.promise(() => raw(port, get))
    expect(reply.status).toBe(500)
    expect(reply.body).not.toContain("secret")
    expect(ids).toEqual([header(reply, "x-request-id")])
  })
)
