/** Entry of the audit log: who did what to what, and how it ended. */
import type { Principal } from "../../src/domain/Principal.ts"

/** Who acted. `source`: of a principal, or `cli`, `program`, or `none` for a caller without a valid credential. */
export interface Actor {
  readonly subject: string
  readonly client: string
  readonly source: Principal["source"] | "cli" | "program" | "none"
}

export interface AuditEntry {
  readonly actor: Actor
  /** A noun and a verb, such as `token.create`. */
  readonly action: string
  /** The object of the action, such as the name of a tool or the id of a token; never a secret. */
  readonly target?: string | undefined
  /** `started`: a later row has the end. The others are as in `Ending`. */
  readonly outcome: "started" | "succeeded" | "suspended" | "refused" | "failed" | "died" | "interrupted"
  readonly requestId?: string | undefined
  /** Further facts as JSON, without secrets. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
}

/** The operator at the command line, who can read and write everything anyway. */
export const operator: Actor = { subject: "operator", client: "manifold", source: "cli" }

/** The program itself, such as at a reload of the configuration. */
export const program: Actor = { subject: "manifold", client: "manifold", source: "program" }

/** A caller without a valid credential. */
export const unauthenticated: Actor = { subject: "", client: "", source: "none" }

export const actorOf = ({ clientId, source, subject }: Principal): Actor => ({
  subject,
  client: clientId,
  source
})
