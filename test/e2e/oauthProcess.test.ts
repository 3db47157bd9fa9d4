/** The OAuth server in a process of its program: loaded at its first request, and silent on standard output. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { it } from "../support/effect.ts"
import { Browser, manualClient, password } from "../support/oauth.ts"
import { program } from "../support/program.ts"
import { manifold } from "../support/stdio.ts"
import { home } from "../support/userHome.ts"

const freePort = Effect.promise(async () => {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() })
  const port = server.port ?? 0
  await server.stop(true)
  return port
})

it.live(
  "a person signs in at a running service; standard output has log lines only, and no secret is in them",
  () =>
    Effect.gen(function* () {
      const { dir, env } = yield* home()
      const port = yield* freePort
      const base = `http://127.0.0.1:${port}`
      yield* manifold(["user", "add", "alice"], { cwd: dir, env, stdin: `${password}\n` })
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Bun.spawn([...program, "serve", "--http", "--port", String(port)], {
            cwd: dir,
            env: {
              ...process.env,
              ...env,
              MCP_CONFIG_JSON: JSON.stringify({ server: { public_url: base }, logging: { level: "debug" } })
            },
            stdin: "ignore",
            stdout: "pipe",
            stderr: "pipe"
          })
        ),
        (running) => Effect.sync(() => running.kill())
      )
      let output = ""
      const listening = Promise.withResolvers<void>()
      const ended = (async () => {
        const decoder = new TextDecoder()
        for await (const chunk of child.stdout) {
          output += decoder.decode(chunk, { stream: true })
          if (output.includes('"listening"')) listening.resolve()
        }
      })()
      yield* Effect.promise(() => listening.promise)
      const { authorizeUrl } = yield* manualClient(base)
      const back = yield* Effect.promise(() => new Browser().authorize(authorizeUrl))
      const code = back.searchParams.get("code") ?? ""
      expect(code).toMatch(/^[\w-]{43}$/)
      child.kill("SIGTERM")
      const [errors] = yield* Effect.promise(() => Promise.all([child.stderr.text(), ended]))
      for (const line of output.trim().split("\n")) expect(JSON.parse(line)).toHaveProperty("level")
      for (const secret of [code, password]) expect(`${output}${errors}`).not.toContain(secret)
      expect(errors).not.toMatch(/oidc-provider|Deprecation/i)
    }),
  30_000
)
