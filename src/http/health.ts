/** `/health`, `/health/live` and `/health/ready`: for people, for supervisors, for load balancers. */
import { Effect, Layer } from "effect"
import { Health } from "../../layers/health/Health.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { json } from "../../layers/http/responses.ts"
import { Routes, type Connection } from "../../layers/http/Routes.ts"
import { Channels } from "../../layers/events/Channels.ts"
import { identify } from "../../layers/transports/requests.ts"
import { Sessions } from "../../layers/transports/Sessions.ts"
import { rejectMethod } from "./reading.ts"

/** Everybody hears the status; who may read hears the rest. 503 whenever requests had better go elsewhere. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const routes = yield* Routes
    const authenticator = yield* Authenticator
    const health = yield* Health
    const sessions = yield* Sessions
    const channels = yield* Channels
    const run = Effect.runPromiseWith(yield* Effect.context<never>())

    const report = Effect.gen(function* () {
      const { parts, ...found } = yield* health.check
      return { ...found, active_clients: (yield* sessions.count) + (yield* channels.active), parts }
    })

    const answer = async (request: Request, connection: Connection) => {
      const found = await run(report, { signal: request.signal })
      const grant = await identify(authenticator, request, connection, "/health")
      const informed = !(grant instanceof Response) && grant.principal.may(["read"])
      return json(found.status === "healthy" ? 200 : 503, informed ? found : { status: found.status })
    }

    yield* routes.add({
      paths: ["/health", "/health/ready"],
      fetch: (request, connection) => rejectMethod(request) ?? answer(request, connection)
    })
    yield* routes.add({
      paths: ["/health/live"],
      fetch: (request) => rejectMethod(request) ?? json(200, { status: "alive" })
    })
  })
)
