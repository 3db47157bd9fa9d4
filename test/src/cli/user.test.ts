/** `manifold user` as a process: add, list, set, passwd, remove, and mistakes. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { sqlite } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { manifold } from "../../support/stdio.ts"
import { home } from "../../support/userHome.ts"

const usual = ".config/manifold/manifold.yaml"
const password = "correct horse battery\n"

/** Runs the command in a home with a database. */
const operator = Effect.gen(function* () {
  const { dir, env } = yield* home({ [usual]: JSON.stringify({ storage: yield* sqlite }) })
  return (args: ReadonlyArray<string>, stdin = "") => manifold(args, { cwd: dir, env, stdin })
})

describe("manifold user", () => {
  it.live(
    "creates, lists, changes and removes accounts, and records it",
    () =>
      Effect.gen(function* () {
        const run = yield* operator
        const added = yield* run(["user", "add", "Alice", "--scopes", "mcp:read,call"], password)
        expect(added).toMatchObject({
          code: 0,
          stdout: "Created the account alice with the scopes read, call.\n"
        })
        expect((yield* run(["user", "list"])).stdout).toBe("alice  read,call  last sign-in never\n")
        const set = yield* run(["user", "set", "ALICE", "--scopes", "read,mcp:admin"])
        expect(set.stdout).toStartWith("The account alice has the scopes read, admin.")
        expect((yield* run(["user", "list"])).stdout).toStartWith("alice  read,admin  ")
        const changed = yield* run(["user", "passwd", "alice"], `another ${password}`)
        expect(changed.stdout).toStartWith("Changed the password of alice.")
        expect((yield* run(["user", "remove", "alice"])).stdout).toStartWith("Removed the account alice.")
        expect((yield* run(["user", "list", "--json"])).stdout).toBe("[]\n")
        const audit = (yield* run(["audit"])).stdout
        for (const action of ["create", "scopes", "password", "remove"])
          expect(audit).toContain(`account.${action}`)
        expect(audit).not.toContain("horse")
      }),
    30_000
  )

  it.live(
    "says what is wrong and what to do",
    () =>
      Effect.gen(function* () {
        const run = yield* operator
        const short = yield* run(["user", "add", "bob"], "short\n")
        expect([short.code, short.stderr]).toEqual([
          2,
          expect.stringContaining("A password needs 12 to 1024 characters, got 5.")
        ])
        const scope = yield* run(["user", "add", "bob", "--scopes", "reed"], password)
        expect(scope.stderr).toContain('did you mean "read"?')
        const none = yield* run(["user", "set", "bob", "--scopes", ","])
        expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("--scopes ,")])
        const unset = yield* run(["user", "set", "bob", "--scopes", "read"])
        expect(unset.stderr).toContain("No account has the name bob.")
        const unknown = yield* run(["user", "remove", "bob"])
        expect(unknown.stderr).toContain("No account has the name bob. `manifold user list` lists all.")
        yield* run(["user", "add", "bob"], password)
        expect((yield* run(["user", "add", "BOB"], password)).stderr).toContain("Choose another one")
      }),
    30_000
  )
})
