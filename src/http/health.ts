/** `/health`, `/health/live` and `/health/ready`: for people, for supervisors, for load balancers. */
import { Effect, Layer } from "effect"
import { Health } from "../../layers/health/Health.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { Routes, type Connection } from "../../layers/http/Routes.ts"
import { Channels } from "../../layers/events/Channels.ts"
import { json } from "../../layers/transports/HttpSession.ts"
import { identify } from "../../layers/transports/requests.ts"
import { Sessions } from "../../layers/transports/Sessions.ts"
import { refuseMethod } from "./reading.ts"

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
      const found = await run(report)
      const principal = identify(authenticator, request, connection)
      const informed = !(principal instanceof Response) && principal.may(["read"])
      return json(found.status === "healthy" ? 200 : 503, informed ? found : { status: found.status })
    }

    yield* routes.add({
      paths: ["/health", "/health/ready"],
      fetch: (request, connection) => refuseMethod(request) ?? answer(request, connection)
    })
    yield* routes.add({
      paths: ["/health/live"],
      fetch: (request) => refuseMethod(request) ?? json(200, { status: "alive" })
    })
  })
)
