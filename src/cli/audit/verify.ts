/** `manifold audit verify`: checks that no row of the audit log was changed, removed or inserted. */
import { Console, Effect, Option, Redacted, Schema } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { section } from "../../../layers/audit/section.ts"
import { verifyChain } from "../../../layers/audit/verifyChain.ts"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { auditLog } from "../../program/audit.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { UsageError } from "../UsageError.ts"

/** The log was changed; the exit code is 1 so that scripts notice. */
class AuditBroken extends Schema.TaggedError<AuditBroken>()("AuditBroken", {
  id: Schema.Int,
  problem: Schema.String
}) {
  override get message() {
    return `The audit log is broken at row ${this.id}: ${this.problem}.`
  }
}

const headOf = Effect.fnUntraced(function* (text: string) {
  const [, id = "", hash = ""] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (hash === "")
    return yield* new UsageError({ detail: "--head: write the head as verify prints it, id:hash" })
  return { id: Number(id), hash }
})

const keysOf = Effect.map(
  Effect.flatMap(ConfigSource, (config) => config.read(section)),
  ({ key, previous_keys }) => ({
    ...(key !== undefined && { key: Redacted.value(key) }),
    previous: previous_keys.map(Redacted.value)
  })
)

export const verify = Command.make(
  "verify",
  {
    head: Flag.String("head").pipe(
      Flag.withMetavar("id:hash"),
      Flag.withDescription("A head that was printed before: the log must still have this row"),
      Flag.optional
    ),
    keySince: Flag.Int("key-since").pipe(
      Flag.withMetavar("id"),
      Flag.withDescription(
        "The first row that must have the key, if audit.key was set when the log had rows"
      ),
      Flag.withDefault(1)
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function* ({ head, json, keySince }) {
    const expected = Option.isSome(head) ? yield* headOf(head.value) : undefined
    const sql = yield* Sql
    const keys = yield* keysOf
    const found = yield* sql.read((client) => verifyChain(client, { expected, keys, keySince }))
    if (json) yield* Console.log(JSON.stringify(found))
    if (found.status === "broken") return yield* new AuditBroken(found)
    if (json) return
    yield* Console.log(
      found.first === null
        ? "The audit log is empty."
        : `The audit log is intact: ${found.rows} rows, ${found.first} to ${found.head.id}.\nHead: ${found.head.id}:${found.head.hash}`
    )
  }, Effect.provide(auditLog))
).pipe(
  Command.withDescription("Check that no row was changed, removed or inserted"),
  Command.withExamples([
    { command: "manifold audit verify", description: "Check the chain of hashes, and print its head" },
    {
      command: "manifold audit verify --head 42:9f86d0…",
      description: "Check as well that the log still has a row that was noted elsewhere"
    }
  ])
)
