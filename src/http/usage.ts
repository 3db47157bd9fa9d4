/** `/usage`: tokens, cost, limits and holds of the caller; of all principals with the scope `admin`. */
import { Effect, Layer } from "effect"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { run } from "../../layers/http/runEndpoint.ts"
import { json, reject } from "../../layers/http/responses.ts"
import { Routes } from "../../layers/http/Routes.ts"
import { isReportWindow, reportWindows } from "../../layers/usage/reportOptions.ts"
import { UsageReport } from "../../layers/usage/UsageReport.ts"
import type { Principal } from "../domain/Principal.ts"
import { requireReader } from "./requireReader.ts"

/** Parameters `window`, of which `day` is the default, and `scope`; default: all principals' usage with the scope `admin`. */
const optionsOf = (request: Request, principal: Principal) => {
  const { searchParams } = new URL(request.url)
  const window = searchParams.get("window") ?? "day"
  const mayAdmin = principal.may(["admin"])
  const scope = searchParams.get("scope") ?? (mayAdmin ? "all" : "own")
  if (!isReportWindow(window))
    return reject(400, `Bad Request: window must be one of ${reportWindows.join(", ")}.`)
  if (scope !== "own" && scope !== "all") return reject(400, "Bad Request: scope must be own or all.")
  if (scope === "all" && !mayAdmin) return reject(403, "Forbidden: the scope admin is required.")
  return { window, all: scope === "all" }
}

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const routes = yield* Routes
    const authenticator = yield* Authenticator
    const reports = yield* UsageReport
    const respond = run(yield* Effect.context<never>())
    yield* routes.add({
      paths: ["/usage"],
      fetch: (request, connection) =>
        requireReader(authenticator, request, connection, ({ principal }) => {
          const options = optionsOf(request, principal)
          if (options instanceof Response) return options
          return respond(
            request,
            reports.of(principal, options).pipe(
              Effect.map((report) => json(200, report)),
              // Only the log names the database's place, which is for the operator.
              Effect.catch(({ message }) =>
                Effect.as(
                  Effect.logError(`Usage cannot be read: ${message}`),
                  reject(
                    503,
                    "Service Unavailable: usage cannot be read at the moment. The log has the reason."
                  )
                )
              )
            )
          )
        })
    })
  })
)
