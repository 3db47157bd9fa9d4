/** Translation of typed errors: JSON-RPC code, HTTP status, headers; and the allowed codes. */
import { describe, expect, test } from "bun:test"
import { LimiterUnavailable, RateLimited } from "../../../layers/guard/GuardError.ts"
import { Busy, CircuitOpen, Forbidden, TimedOut } from "../../../layers/guard/GuardError.ts"
import { JournalUnavailable } from "../../../layers/ledger/Journal.ts"
import { OverBudget } from "../../../layers/ledger/Spend.ts"
import {
  Failed,
  InvalidArguments,
  InvalidCursor,
  NotFound,
  TooManySubscriptions
} from "../../../src/catalog/CatalogError.ts"
import { isToolResult, toFailure, type CatalogFailure } from "../../../src/catalog/catalogFailure.ts"
import * as codes from "../../../src/domain/errorCodes.ts"
import { isRejection } from "../../../src/domain/Failure.ts"

const limited = new RateLimited({
  limit: "tool",
  key: "echo",
  max: 5,
  window: 60_000,
  remaining: 0,
  retryAfter: 1500
})

/** Error → code, HTTP status, relevant headers. */
const table: ReadonlyArray<readonly [CatalogFailure, number, number, Record<string, string>]> = [
  [new NotFound({ kind: "tool", name: "x" }), -32602, 404, {}],
  [new NotFound({ kind: "resource", name: "x:y" }), -32602, 404, {}],
  [
    new Forbidden({ name: "x", scopes: ["call", "admin"] }),
    403,
    403,
    { "www-authenticate": 'Bearer realm="manifold", error="insufficient_scope", scope="mcp:call mcp:admin"' }
  ],
  [
    limited,
    429,
    429,
    { "retry-after": "2", "ratelimit-limit": "5", "ratelimit-remaining": "0", "ratelimit-reset": "2" }
  ],
  [
    new Busy({ limit: "total", name: "x", max: 1, waiting: 0, retryAfter: 10 }),
    503,
    503,
    { "retry-after": "1" }
  ],
  [new CircuitOpen({ name: "x", retryAfter: 30_000 }), 503, 503, { "retry-after": "30" }],
  [new LimiterUnavailable({ retryAfter: 2000 }), 503, 503, { "retry-after": "2" }],
  [new JournalUnavailable({ retryAfter: 2000 }), 503, 503, { "retry-after": "2" }],
  [new JournalUnavailable({ retryAfter: 1000 }), 503, 503, { "retry-after": "1" }],
  [new OverBudget({ name: "x", limit: "daily", resetsAt: 1 }), 429, 429, {}],
  [new TooManySubscriptions({ max: 1000 }), 429, 429, {}],
  [new InvalidArguments({ name: "x", issues: [{ path: "a", message: "missing" }] }), -32602, 422, {}],
  [new InvalidCursor({ cursor: "x" }), -32602, 400, {}],
  [new TimedOut({ name: "x", limit: 10 }), -32603, 408, {}],
  [new Failed({ name: "x", detail: "no" }), -32603, 502, {}]
]

for (const [error, code, status, headers] of table) {
  test(`${error._tag} has the code ${code}, the status ${status} and its own message`, () => {
    const failure = toFailure(error)
    expect({ code: failure.code, status: failure.status }).toEqual({ code, status })
    expect(failure.headers ?? {}).toMatchObject(headers)
    expect(failure.message).not.toBe("")
    // A rejection sets the HTTP status of a JSON-RPC response, so code and status are equal.
    if (isRejection(failure)) expect(failure.code).toBe(failure.status)
  })
}

test("OverBudget has the end of its window and no retry time", () => {
  const { data, headers } = toFailure(new OverBudget({ name: "x", limit: "daily", resetsAt: 5000 }))
  expect(data).toEqual({ error_class: "OverBudget", limit: "daily", resets_at: 5000 })
  expect(headers).toBeUndefined()
})

test("an error of the tool is a result, and a rejection is a JSON-RPC error", () => {
  const results = table.filter(([error]) => isToolResult(error)).map(([{ _tag }]) => _tag)
  expect(results).toEqual(["InvalidArguments", "TimedOut", "Failed"])
})

describe("error codes", () => {
  /** JSON-RPC 2.0, section 5.1; MCP 2026-07-28, error codes; LSP 3.17. */
  const defined = new Set([-32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022, -32800])
  const mayUse = (code: number) => defined.has(code) || (code >= 400 && code <= 599)

  test("error codes are those of the specification or outside the reserved range", () => {
    const all = Object.values(codes)
    expect(all.length).toBeGreaterThan(10)
    expect(all.filter((code) => !mayUse(code))).toEqual([])
  })

  test("error codes are declared in one file only", async () => {
    const root = new URL("../../../", import.meta.url).pathname
    const files = [...new Bun.Glob("{src,layers}/**/*.ts").scanSync({ cwd: root })].filter(
      (file) => file !== "src/domain/errorCodes.ts"
    )
    const named: Array<string> = []
    for (const file of files) {
      const found = (await Bun.file(root + file).text()).match(/-3[23]\d{3}\b/g)
      if (found !== null) named.push(`${file}: ${found.join(", ")}`)
    }
    expect(files.length).toBeGreaterThan(100)
    expect(named).toEqual([])
  })

  test("docs/errors.md lists exactly the error codes of the program", async () => {
    const page = await Bun.file(new URL("../../../docs/errors.md", import.meta.url).pathname).text()
    const listed = [...page.matchAll(/^\| (-?\d{3,5}) \|/gm)].map(([, code]) => Number(code))
    const used = Object.values(codes)
    expect(used.filter((code) => !listed.includes(code))).toEqual([])
    expect(listed.filter((code) => !mayUse(code))).toEqual([])
  })
})
