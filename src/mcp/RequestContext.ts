/** One MCP request as its handler's services need it, whichever era and whichever dispatcher carries it. */
import type { Context } from "effect"
import type { Inbound } from "../../layers/transports/McpServers.ts"
import type { Quotas } from "../../layers/quotas/Quotas.ts"
import type { Level } from "../catalog/Client.ts"
import type { RequestState } from "./RequestState.ts"

/** What all requests share. */
export interface Program {
  /** The program's services, in which handlers run. */
  readonly services: Context.Context<never>
  readonly states: RequestState["Service"]
  readonly quotas: Pick<Quotas["Service"], "memory" | "subscriptions">
  readonly newId: () => string
}

export interface Notification {
  readonly method: "notifications/progress" | "notifications/message"
  readonly params: Readonly<Record<string, unknown>>
}

export interface RequestContext {
  readonly inbound: Inbound
  /** Whether the request stands for itself (2026-07-28) instead of belonging to a session. */
  readonly stateless: boolean
  /** `params._meta`. */
  readonly meta: Readonly<Record<string, unknown>> | undefined
  /** The program at the other end, where it said which it is. */
  readonly program: { readonly name: string; readonly version: string } | undefined
  readonly capabilities: Readonly<Record<string, unknown>> | undefined
  /** Whether the caller no longer waits for the response. */
  readonly gone: () => boolean
  /** Sends a notification that belongs to this request. */
  readonly notify: (notification: Notification) => Promise<void>
  /** Sends a log line if the client wants lines of that level. */
  readonly log: (level: Level, data: unknown, logger?: string) => Promise<void>
}
