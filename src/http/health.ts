/** `/health`, `/health/live` and `/health/ready`: health for operators, supervisors and load balancers. */
import { Effect, Layer } from "effect"
import { Health, type HealthReport } from "../../layers/health/Health.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { run } from "../../layers/http/runEndpoint.ts"
import { json } from "../../layers/http/responses.ts"
import { Routes, type Connection } from "../../layers/http/Routes.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { Channels } from "../../layers/events/Channels.ts"
import { authenticateRequest } from "../../layers/transports/authenticateRequest.ts"
import { rejectMethod } from "./requireReader.ts"

const serves: ReadonlySet<HealthReport["status"]> = new Set(["healthy", "degraded"])

/** `status` is public; details require the scope `read`. 503 while a part is failing or the service is draining. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const routes = yield* Routes
    const authenticator = yield* Authenticator
    const health = yield* Health
    const channels = yield* Channels
    const { connections } = yield* Quotas
    const respond = run(yield* Effect.context<never>())

    const report = Effect.gen(function* () {
      const { parts, ...found } = yield* health.check
      return { ...found, active_clients: (yield* channels.active) + connections.used, parts }
    })

    const check = (request: Request, connection: Connection) =>
      Effect.gen(function* () {
        const found = yield* report
        const grant = yield* Effect.promise(async () =>
          authenticateRequest(authenticator, request, connection, "/")
        )
        const mayRead = !(grant instanceof Response) && grant.principal.may(["read"])
        return json(serves.has(found.status) ? 200 : 503, mayRead ? found : { status: found.status })
      })

    const fetch = (request: Request, connection: Connection) =>
      rejectMethod(request) ?? respond(request, check(request, connection))
    yield* routes.add({ paths: ["/health"], fetch })
    yield* routes.add({ paths: ["/health/ready"], anyHost: true, fetch })
    yield* routes.add({
      paths: ["/health/live"],
      anyHost: true,
      fetch: (request) => rejectMethod(request) ?? json(200, { status: "alive" })
    })
  })
)
