/** Calls that are held against a budget, charged and recorded, with the ledger in SQLite and in PostgreSQL. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SQL } from "bun"
import { Effect, ManagedRuntime } from "effect"
import { protect } from "../../support/guard.ts"
import { charge, metered, model } from "../../support/usage.ts"
import { compare, type Measure, type Row, type Side } from "../support/Row.ts"

const atOnce = 32

/** A server where databases can be made. */
const server = process.env["MANIFOLD_TEST_POSTGRES_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres"

const administer = async (statement: string) => {
  const sql = new SQL(server, { max: 1 })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.close()
  }
}

const folder = async (scope: AsyncDisposableStack) => {
  const dir = await mkdtemp(join(tmpdir(), "manifold-bench-"))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const places = {
  SQLite: async (scope: AsyncDisposableStack) => ({ dir: await folder(scope) }),
  PostgreSQL: async (scope: AsyncDisposableStack) => {
    const name = `manifold_bench_${crypto.randomUUID().replaceAll("-", "")}`
    await administer(`CREATE DATABASE ${name}`)
    scope.defer(() => administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
    const url = new URL(server)
    url.pathname = `/${name}`
    return { dir: await folder(scope), postgres_url: url.href }
  }
} as const

const side = (name: keyof typeof places, usage: Record<string, unknown>, calls: number): Side => ({
  name,
  open: async (scope) => {
    const runtime = ManagedRuntime.make(metered(await places[name](scope), usage))
    scope.defer(() => runtime.dispose())
    const call = protect(model("0.00001"), charge("0.000001"))
    const load = (count: number) =>
      runtime.runPromise(
        Effect.forEach(Array.from({ length: count }), () => call, { concurrency: atOnce, discard: true })
      )
    await load(atOnce)
    return async () => {
      const begin = performance.now()
      await load(calls)
      return [(calls / (performance.now() - begin)) * 1000]
    }
  }
})

const kinds: ReadonlyArray<readonly [string, Record<string, unknown>]> = [
  ["without limits", {}],
  ["with limits", { cost_daily_max: 1_000_000, cost_total_max: 1_000_000 }]
]

export const ledgerCalls: Row = {
  name: "ledger",
  run: async function* ({ quick, rounds }) {
    const calls = quick ? 500 : 3000
    for (const [limits, usage] of kinds) {
      const measures: ReadonlyArray<Measure> = [
        { measure: `ledger, calls ${limits}, ${atOnce} at once`, unit: "calls/s", better: "more" }
      ]
      yield* compare(measures, side("SQLite", usage, calls), side("PostgreSQL", usage, calls), rounds)
    }
  }
}
