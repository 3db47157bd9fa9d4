/** `manifold usage` as a process: JSON, chart, windows, limits, and a database that cannot be read. */
import { describe, expect } from "bun:test"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { stateFolder } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { manifold } from "../../support/stdio.ts"
import { exampleDay } from "../../support/usageExample.ts"

const usage = (dir: string, args: ReadonlyArray<string>, env: Record<string, string> = {}) =>
  manifold(["usage", ...args], { cwd: dir, env: { MANIFOLD_STORAGE_DIR: dir, NO_COLOR: "1", ...env } })

/** A state folder with 150 calls of the last 24 hours. */
const filled = Effect.gen(function* () {
  const dir = yield* stateFolder
  yield* Effect.scoped(exampleDay({ dir }, Date.now())).pipe(Effect.provide(TestClock.layer()))
  return dir
})

describe("manifold usage", () => {
  it.live("prints the report of all principals as JSON, and as totals, limits, a chart and lists", () =>
    Effect.gen(function* () {
      const dir = yield* filled
      const json = yield* usage(dir, ["--json", "--window", "month"])
      expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 0, stderr: "" })
      const report = JSON.parse(json.stdout) as {
        readonly totals: { readonly month: { readonly cost_usd: string } }
        readonly series: ReadonlyArray<unknown>
      }
      expect(report).toMatchObject({
        scope: "all",
        window: "month",
        totals: { month: { calls: 150 } },
        limits: [],
        holds: [],
        models: [{ model: "gpt-5.1" }, {}, {}],
        tools: [{ tool: "ask-model", calls: 150 }],
        principals: [{ principal: "ada", client: "desktop" }, {}, {}]
      })
      expect(report.series).toHaveLength(30)

      const limits = { MCP_COST_DAILY_MAX: "1000", MCP_COST_PER_REQUEST_MAX: "1" }
      const { code, stderr, stdout } = yield* usage(dir, ["--window", "month"], limits)
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
      const lines = stdout.split("\n")
      const cost = `$${Number(report.totals.month.cost_usd).toFixed(2)}`
      expect(lines.find((line) => line.startsWith("last 30 days"))).toEndWith(cost)
      expect(stdout).toContain("at most $1.00 for each request")
      expect(stdout).toMatch(/daily +░+ {2}\$\S+ of \$1000\.00, \$\S+ expected until 00:00 UTC/)
      expect(stdout).toMatch(/Cost by day \(UTC\), up to \$\S+\n[^]*█/)
      for (const name of [
        "gpt-5.1",
        "claude-opus-4-5",
        "gpt-oss-120b",
        "ask-model",
        "ada",
        "grace",
        "linus"
      ]) {
        expect(stdout).toContain(name)
      }
      // Standard output is no terminal here.
      expect(stdout).not.toContain("\u001B")
    })
  )

  it.live("without any call prints zeros and no chart", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const { code, stderr, stdout } = yield* usage(dir, [])
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
      expect(stdout).toMatch(/^this hour +0 calls +0 tokens +\$0\ntoday/)
      expect(stdout).toContain("Cost by hour (UTC): none yet")
    })
  )

  it.live("explains an unknown window, and a database that cannot be opened", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const wrong = yield* usage(dir, ["--window", "year"])
      expect(wrong.code).toBe(2)
      expect(wrong.stderr).toContain("hour")
      yield* Effect.promise(() => mkdir(join(dir, "manifold.db")))
      const broken = yield* usage(dir, ["--json"])
      expect(broken.code).toBe(1)
      expect(broken.stdout).toBe("")
      expect(broken.stderr).toContain(`the database ${join(dir, "manifold.db")} cannot be opened`)
    })
  )
})
