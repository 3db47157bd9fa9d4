/** `manifold upstream login|logout|list|test` as processes, against a server that requires a sign-in. */
import { expect } from "bun:test"
import { Effect, Stream } from "effect"
import { it } from "../../support/effect.ts"
import { program } from "../../support/program.ts"
import { browse, protectedServer } from "../../support/protectedServer.ts"
import { home } from "../../support/userHome.ts"

it.live(
  "a login opens a callback on this machine, and its sign-in is used by the next commands until logout",
  () =>
    Effect.gen(function* () {
      const server = yield* protectedServer()
      const { dir, env, run } = yield* home({
        ".config/manifold/manifold.yaml": JSON.stringify({ mcpServers: { own: { url: server.url } } })
      })
      const before = yield* run(["upstream", "test", "own"])
      expect(before.code).toBe(1)
      expect(before.stdout).toContain("manifold upstream login own")
      const listed = yield* run(["upstream", "list", "--json"])
      expect(JSON.parse(listed.stdout)).toMatchObject([
        { name: "own", state: "unauthorized", reason: "sign in with: manifold upstream login own" }
      ])

      const login = Bun.spawn([...program, "upstream", "login", "own", "--json"], {
        cwd: dir,
        env: { ...process.env, ...env },
        stdin: "ignore",
        stderr: "inherit"
      })
      yield* Effect.addFinalizer(() => Effect.sync(() => login.kill()))
      let callback: URL | undefined
      const lines = yield* Stream.fromReadableStream({
        evaluate: () => login.stdout,
        onError: (cause) => cause
      }).pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>),
        Stream.tap(({ url }) =>
          typeof url === "string"
            ? Effect.promise(async () => {
                const redirect = new URL(url).searchParams.get("redirect_uri") ?? ""
                callback = await browse(url, "alice", redirect)
                await fetch(callback)
              })
            : Effect.void
        ),
        Stream.runCollect
      )
      expect(lines.at(-1)).toEqual({ name: "own", signed_in: true })
      expect(yield* Effect.promise(() => login.exited)).toBe(0)
      expect(callback?.hostname).toBe("127.0.0.1")
      const closed = yield* Effect.promise(() => fetch(callback ?? "").catch(() => undefined))
      expect(closed).toBeUndefined()

      const after = yield* run(["upstream", "test", "own"])
      expect(after.stdout).toContain("3 tools")
      expect(after.code).toBe(0)
      expect((yield* run(["upstream", "logout", "own"])).code).toBe(0)
      expect((yield* run(["upstream", "test", "own"])).code).toBe(1)
    })
)

it.live(
  "doctor fails for a server that all callers need a sign-in at, and only warns if each has its own",
  () =>
    Effect.gen(function* () {
      const server = yield* protectedServer()
      const { run } = yield* home({
        ".config/manifold/manifold.yaml": JSON.stringify({
          mcpServers: { own: { url: server.url }, each: { url: server.url, credentials: "per_user" } }
        })
      })
      const { stdout } = yield* run(["doctor", "--json"])
      const findings = JSON.parse(stdout) as ReadonlyArray<{ check: string; message: string; status: string }>
      const found = findings.filter(({ check }) => check === "upstreams")
      expect(found).toMatchObject([
        { status: "fail", message: expect.stringContaining("manifold upstream login own") },
        { status: "warn", message: expect.stringContaining("manifold upstream login each") }
      ])
    })
)
