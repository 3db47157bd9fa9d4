/** `manifold proxy list`: published applications with their targets and options. */
import { Console, Effect } from "effect"
import * as Command from "effect/cli/Command"
import type { Proxy } from "../../../layers/edge/proxies/Proxy.ts"
import { ProxyTable } from "../../../layers/edge/ProxyTable.ts"
import { columns } from "../columns.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { asOperator } from "./asOperator.ts"

const pageSize = 1000

const everyProxy = Effect.gen(function* () {
  const table = yield* ProxyTable
  const found: Array<Proxy> = []
  let cursor: string | undefined
  do {
    const { next, proxies } = yield* table.list({ cursor, limit: pageSize })
    found.push(...proxies)
    cursor = next
  } while (cursor !== undefined)
  return found
})

const cellsOf = ({ hostname, protect, revision, target_url, updated_at, updated_by }: Proxy) => [
  hostname,
  target_url,
  protect === undefined ? "" : `needs ${protect}`,
  `revision ${revision}`,
  `by ${updated_by} ${updated_at.slice(0, 16).replace("T", " ")}`
]

export const list = Command.make(
  "list",
  { json: jsonFlag },
  Effect.fnUntraced(function* ({ json }) {
    const proxies = yield* everyProxy
    if (json) return yield* Console.log(JSON.stringify(proxies))
    if (proxies.length === 0) {
      return yield* Console.log(
        "No applications. To publish one: manifold proxy create app.example.com http://localhost:3000"
      )
    }
    for (const line of columns(proxies.map(cellsOf))) yield* Console.log(line)
  }, asOperator)
).pipe(Command.withDescription("List published applications with their targets"))
