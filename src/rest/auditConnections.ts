/** Rows of the audit log for connections to MCP servers over REST. */
import { Cause, Effect, Exit } from "effect"
import type { Audit } from "../../layers/audit/Audit.ts"
import { actorOf } from "../../layers/audit/AuditEntry.ts"
import { errorClass } from "../domain/errorClass.ts"
import type { ConnectRequest } from "./bodies.ts"
import { RestRequest } from "./RestRequest.ts"

/** The server's origin, or its name or program; a whole URL and arguments may have secrets. */
const serverOf = ({ command, mcp_url }: ConnectRequest): string | undefined =>
  typeof mcp_url === "string" && URL.canParse(mcp_url) ? new URL(mcp_url).origin : command?.[0]

const failureOf = (cause: Cause.Cause<unknown>) => {
  const failed = cause.reasons.find(Cause.isFailReason)
  return failed === undefined ? {} : { error: errorClass(failed.error) }
}

/** Queues a row when `self` ends; `idOf`: the connection that it made. */
const recorded = <A, E, R>(
  audit: Audit["Service"],
  self: Effect.Effect<A, E, R>,
  action: string,
  idOf: (result: A | undefined) => string | undefined,
  details: Readonly<Record<string, unknown>>
) =>
  Effect.gen(function* () {
    const { principal, requestId } = yield* RestRequest
    return yield* Effect.onExit(self, (exit) =>
      Effect.sync(() =>
        audit.recordSoon({
          actor: actorOf(principal),
          action,
          target: idOf(Exit.isSuccess(exit) ? exit.value : undefined),
          outcome: Exit.isSuccess(exit) ? "succeeded" : Exit.hasInterrupts(exit) ? "interrupted" : "failed",
          requestId,
          details: Exit.isSuccess(exit) ? details : { ...details, ...failureOf(exit.cause) }
        })
      )
    )
  })

export const recordConnect = <A extends { readonly id: string }, E, R>(
  audit: Audit["Service"],
  self: Effect.Effect<A, E, R>,
  request: ConnectRequest
) =>
  recorded(audit, self, "connection.open", (made) => made?.id, {
    transport: request.transport,
    server: serverOf(request),
    auth_type: request.auth_type ?? "none"
  })

export const recordDisconnect = <A, E, R>(
  audit: Audit["Service"],
  self: Effect.Effect<A, E, R>,
  id: string
) => recorded(audit, self, "connection.close", () => id, {})
