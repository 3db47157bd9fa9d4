/** `manifold token list`: API tokens with their scopes, expiry and last use. */
import { Console, Effect } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { StoredTokens } from "../../../layers/identity/StoredTokens.ts"
import type { StoredToken } from "../../../layers/identity/tokens/StoredToken.ts"
import { columns } from "../columns.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { asOperator } from "./asOperator.ts"

const pageSize = 1000

const everyToken = Effect.gen(function* () {
  const { list: page } = yield* StoredTokens
  const found: Array<StoredToken> = []
  let cursor: string | undefined
  do {
    const { next, tokens } = yield* page({ cursor, limit: pageSize })
    found.push(...tokens)
    cursor = next
  } while (cursor !== undefined)
  return found
})

const day = (time: string | null) => time?.slice(0, 10)
const minute = (time: string | null) => time?.slice(0, 16).replace("T", " ")

/** What a line says about the token's state. */
const stateOf = ({ expires_at, revoked_at, source, status }: StoredToken) => {
  if (status === "revoked") return `revoked ${day(revoked_at)}`
  if (status === "expired") return `expired ${day(expires_at)}`
  const from = source === "configuration" ? "configured" : "active"
  return expires_at === null ? from : `${from} until ${day(expires_at)}`
}

const cellsOf = (token: StoredToken) => [
  token.name,
  token.id ?? "",
  stateOf(token),
  token.scopes.join(","),
  token.subject === token.name ? "" : `subject ${token.subject}`,
  token.source === "configuration" ? "" : `last use ${minute(token.last_used_at) ?? "never"}`
]

export const list = Command.make(
  "list",
  {
    all: Flag.Boolean("all").pipe(
      Flag.withDescription("List revoked and expired tokens as well"),
      Flag.withDefault(false)
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function* ({ all, json }) {
    const tokens = (yield* everyToken).filter(({ status }) => all || status === "active")
    if (json) return yield* Console.log(JSON.stringify(tokens))
    if (tokens.length === 0)
      return yield* Console.log("No tokens. To create one: manifold token create <name>")
    for (const line of columns(tokens.map(cellsOf))) yield* Console.log(line)
  }, asOperator)
).pipe(Command.withDescription("List API tokens with their scopes, expiry and last use"))
