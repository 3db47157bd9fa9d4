/** `manifold audit` as a process: queries, exports without injection, and verification. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { Audit } from "../../../layers/audit/Audit.ts"
import { act, audited, change } from "../../support/audit.ts"
import { sqlite } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { manifold } from "../../support/stdio.ts"

const audit = (dir: string, ...args: ReadonlyArray<string>) =>
  manifold(["audit", ...args], { cwd: dir, env: { MANIFOLD_STORAGE_DIR: dir, NO_COLOR: "1" } })

const hostile = `=cmd|' /C calc'!A0\n{"id":99,"subject":"root"}\r\n"quoted",\u001b[2J\u202e`

const bob = { subject: "bob", client: "agent", source: "oauth" } as const

/** A state folder with five rows. */
const filled = Effect.gen(function* () {
  const { dir } = yield* sqlite
  yield* Effect.gen(function* () {
    const { write } = yield* Audit
    yield* write(act("math.add", { action: "tool.call", details: { arguments_sha256: "ab" } }))
    yield* write(act("math.sub", { action: "tool.call", outcome: "failed" }))
    yield* write(act("t-1", { action: "token.create", actor: bob }))
    yield* write(act("t-1", { action: "token.revoke", actor: bob }))
    yield* write(
      act(hostile, { actor: { ...bob, subject: hostile }, outcome: "refused", details: { hostile } })
    )
  }).pipe(Effect.provide(audited({ dir })))
  return dir
})

const idsOf = (stdout: string) =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { readonly id: number }).id)

describe("manifold audit", () => {
  it.live("finds rows by actor, action, target, outcome and time", () =>
    Effect.gen(function* () {
      const dir = yield* filled
      const queries = [
        [[], [1, 2, 3, 4, 5]],
        [
          ["--actor", "alice"],
          [1, 2]
        ],
        [
          ["--actor", "agent"],
          [3, 4, 5]
        ],
        [
          ["--action", "token.*"],
          [3, 4]
        ],
        [["--action", "tool.call", "--target", "math.s*"], [2]],
        [["--outcome", "refused"], [5]],
        [
          ["--since", "1 hour", "--limit", "2"],
          [4, 5]
        ],
        [["--until", "1 hour"], []],
        [["--since", "2020-01-01", "--until", "2020-01-02T00:00:00Z"], []],
        [["--target", "%"], []],
        [["--actor", "x' OR '1'='1"], []]
      ] as const
      for (const [args, ids] of queries) {
        const { code, stdout } = yield* audit(dir, "--format", "json", ...args)
        expect({ args, code, ids: idsOf(stdout) }).toEqual({ args, code: 0, ids: [...ids] })
      }
    })
  )

  it.live("exports one line per row, whatever callers wrote", () =>
    Effect.gen(function* () {
      const dir = yield* filled
      const json = yield* audit(dir, "--format", "json")
      expect(idsOf(json.stdout)).toEqual([1, 2, 3, 4, 5])
      expect(JSON.parse(json.stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({
        subject: hostile,
        target: hostile,
        details: { hostile }
      })
      const csv = yield* audit(dir, "--format", "csv")
      const lines = csv.stdout.trimEnd().split("\n")
      expect(lines).toHaveLength(6)
      expect(lines[0]).toBe("id,time,subject,client,source,action,target,outcome,request_id,details,hash")
      expect(lines[5]).toContain(`"'=cmd|`)
      const text = yield* audit(dir)
      expect(text.stdout.trimEnd().split("\n")).toHaveLength(5)
      for (const { stdout } of [json, csv, text]) expect(stdout).not.toMatch(/[\u001b\r\u202e]/)
    })
  )

  it.live("verifies the chain, also against a head that was noted before", () =>
    Effect.gen(function* () {
      const dir = yield* filled
      const intact = yield* audit(dir, "verify")
      expect(intact.code).toBe(0)
      const [, head = ""] = /^Head: (5:[0-9a-f]{64})$/m.exec(intact.stdout) ?? []
      expect(yield* audit(dir, "verify", "--head", head, "--json")).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(`"status":"intact"`)
      })
      // The end of the log is replaced, and the head with it: only the noted head shows it.
      yield* Effect.gen(function* () {
        yield* change("DELETE FROM audit_rows WHERE id = 5")
        yield* change("UPDATE audit_head SET id = 4, hash = (SELECT hash FROM audit_rows WHERE id = 4)")
      }).pipe(Effect.provide(audited({ dir })))
      expect((yield* audit(dir, "verify")).code).toBe(0)
      expect(yield* audit(dir, "verify", "--head", head)).toMatchObject({
        code: 1,
        stderr: "manifold: The audit log is broken at row 5: the row that was expected is missing.\n"
      })
      yield* change("UPDATE audit_rows SET outcome = 'succeeded' WHERE id = 2").pipe(
        Effect.provide(audited({ dir }))
      )
      expect(yield* audit(dir, "verify")).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("broken at row 2")
      })
    })
  )

  it.live("verifies a chain with a key, which it takes from the configuration", () =>
    Effect.gen(function* () {
      const { dir } = yield* sqlite
      const key = "k".repeat(32)
      yield* Effect.flatMap(Audit, ({ write }) => write(act("one"))).pipe(
        Effect.provide(audited({ dir }, { key }))
      )
      const verify = (settings: object, ...args: ReadonlyArray<string>) =>
        manifold(["audit", "verify", ...args], {
          cwd: dir,
          env: {
            NO_COLOR: "1",
            AUDIT_KEY: key,
            MCP_CONFIG_JSON: JSON.stringify({ storage: { dir }, audit: settings })
          }
        })
      expect(yield* verify({ key: "env:AUDIT_KEY" })).toMatchObject({ code: 0 })
      expect(yield* verify({ key: "x".repeat(32), previous_keys: ["env:AUDIT_KEY"] })).toMatchObject({
        code: 0
      })
      const without = yield* verify({})
      expect(without.code).toBe(1)
      expect(without.stderr).toContain("or has a key: set audit.key")
      const short = yield* verify({ key: "short" })
      expect(short.code).not.toBe(0)
      expect(short.stderr).toContain("expected at least 32 characters")
      expect(short.stderr).not.toContain('"short"')
    })
  )

  it.live("says what is wrong with a flag", () =>
    Effect.gen(function* () {
      const { dir } = yield* sqlite
      for (const args of [
        ["--since", "yesterday"],
        ["--limit", "0"],
        ["verify", "--head", "5"]
      ]) {
        const { code, stderr } = yield* audit(dir, ...args)
        expect({ args, code }).toEqual({ args, code: 2 })
        expect(stderr).toContain(args.at(-2) ?? "")
      }
      expect((yield* audit(dir)).stdout).toBe("No rows.\n")
    })
  )
})
