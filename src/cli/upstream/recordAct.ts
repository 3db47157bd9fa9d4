/** Rows of the audit log for what the operator does to upstream servers at the command line. */
import { Console, Effect } from "effect"
import { Audit } from "../../../layers/audit/Audit.ts"
import { operator } from "../../../layers/audit/AuditEntry.ts"
import { auditing } from "../../program/audit.ts"
import type { Entry } from "./editConfig.ts"

/** The origin of the URL, or the program; a whole URL, arguments and variables may have secrets. */
export const serverOf = ({ command, url }: Entry): Readonly<Record<string, unknown>> => {
  if (typeof url === "string") return { server: URL.canParse(url) ? new URL(url).origin : "" }
  return { server: command }
}

interface Act {
  readonly action: `upstream.${string}`
  /** Name in `mcpServers`. */
  readonly server: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** Writes rows. The acts are already done, so rows that cannot be written are a note on standard error. */
export const recordActs = (acts: ReadonlyArray<Act>) =>
  Effect.gen(function* () {
    const { write } = yield* Audit
    for (const { action, details, server } of acts) {
      yield* write({ actor: operator, action, target: server, outcome: "succeeded", details })
    }
  }).pipe(
    Effect.provide(auditing),
    Effect.catch(({ message }) => Console.error(`The audit log has no row of this: ${message}`))
  )

export const recordAct = (act: Act) => recordActs([act])
