/** `manifold proxy` as a process: create, list, update, delete, undo, and mistakes. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { sqlite } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { home } from "../../support/userHome.ts"

const target = "http://localhost:3000"

describe("manifold proxy", () => {
  it.live(
    "changes the table, and undoes it",
    () =>
      Effect.gen(function* () {
        const storage = yield* sqlite
        const { run } = yield* home({ ".config/manifold/manifold.yaml": JSON.stringify({ storage }) })
        const proxy = (...args: ReadonlyArray<string>) => run(["proxy", ...args])
        expect((yield* proxy("list")).stdout).toStartWith("No applications.")
        const options = [
          "--protect",
          "mcp:read",
          "--set-header",
          "X-Team: blue",
          "--target-host",
          "--max-requests",
          "5"
        ]
        const made = yield* proxy("create", "App.example.com", target, ...options, "--json")
        expect(JSON.parse(made.stdout)).toMatchObject({
          hostname: "app.example.com",
          target_url: target,
          protect: "read",
          set_headers: { "x-team": "blue" },
          preserve_host: false,
          max_requests: 5,
          revision: 1,
          created_by: "operator"
        })
        expect(
          (yield* proxy("update", "app.example.com", "http://10.0.0.8", "--revision", "1")).stdout
        ).toStartWith("Changed app.example.com, now to http://10.0.0.8.")
        expect((yield* proxy("list")).stdout).toMatch(
          /^app\.example\.com {2}http:\/\/10\.0\.0\.8 {2}revision 2 {2}by operator 20\d\d-/
        )
        expect((yield* proxy("delete", "app.example.com")).code).toBe(0)
        expect((yield* proxy("undo")).stdout).toBe(
          "Undone: app.example.com is published to http://10.0.0.8 again.\n"
        )
        expect((yield* proxy("undo", "--revision", "2")).stdout).toContain(`published to ${target} again`)
        expect((yield* proxy("undo")).stdout).toContain("is not published any more")
      }),
    30_000
  )

  it.live(
    "reports mistakes with exit code 2",
    () =>
      Effect.gen(function* () {
        const storage = yield* sqlite
        const { run } = yield* home({ ".config/manifold/manifold.yaml": JSON.stringify({ storage }) })
        yield* run(["proxy", "create", "app.example.com", target])
        for (const [args, message] of [
          [["create", "app.example.com", target], "app.example.com is already published: operator set it to"],
          [
            ["create", "10.0.0.1", "ftp://x"],
            "hostname: must be a host name, not an IP address\ntarget_url: must begin"
          ],
          [
            ["create", "b.example.com", target, "--set-header", "x"],
            "--set-header x: write it as name:value"
          ],
          [["delete", "b.example.com"], "No application has the host name b.example.com"],
          [
            ["delete", "app.example.com", "--revision", "7"],
            "operator has changed app.example.com since revision 7"
          ],
          [["undo", "--revision", "9"], "The last change is revision 1"]
        ] as const) {
          const { code, stderr } = yield* run(["proxy", ...args])
          expect([args, code, stderr]).toEqual([args, 2, expect.stringContaining(message)])
        }
      }),
    30_000
  )
})
