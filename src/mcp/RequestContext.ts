/** Context of one MCP request, independent of protocol era and dispatcher. */
import type { Context, Effect } from "effect"
import type { Inbound } from "../../layers/transports/McpServers.ts"
import type { Quotas } from "../../layers/quotas/Quotas.ts"
import type { Level } from "../catalog/Client.ts"
import type { RequestState } from "./RequestState.ts"

/** Shared by all requests. */
export interface Program {
  /** Services of the program, in which handlers run. */
  readonly services: Context.Context<never>
  readonly states: RequestState["Service"]
  readonly quotas: Pick<Quotas["Service"], "memory" | "subscriptions">
  readonly newId: () => string
  /** Id of this service, for clients that are other instances. */
  readonly instance: Effect.Effect<string>
}

export interface Notification {
  readonly method: "notifications/progress" | "notifications/message"
  readonly params: Readonly<Record<string, unknown>>
}

export interface RequestContext {
  readonly inbound: Inbound
  /** Whether the request is stateless (2026-07-28) instead of part of a session. */
  readonly stateless: boolean
  /** `params._meta`. */
  readonly meta: Readonly<Record<string, unknown>> | undefined
  /** Identity of the session or connection. Absent: it is only that of this request. */
  readonly peer?: object
  /** The client program, if known. */
  readonly program: { readonly name: string; readonly version: string } | undefined
  readonly capabilities: Readonly<Record<string, unknown>> | undefined
  /** Whether the caller no longer waits for the response. */
  readonly gone: () => boolean
  /** Sends a notification that belongs to this request. */
  readonly notify: (notification: Notification) => Promise<void>
  /** Says that the page of a URL elicitation was finished; may be called after the request. */
  readonly completed: (elicitationId: string) => Promise<void>
  /** Sends a log message, if the client's log level includes it. */
  readonly log: (level: Level, data: unknown, logger?: string) => Promise<void>
}
