/** Runs the suite's scenarios for authorization servers against our OAuth server; a browser without a window signs in. */
import { Console, Effect } from "effect"
import { sqlite } from "../support/databases.ts"
import { Browser, manualClient, withAlice } from "../support/oauth.ts"

const authorizationUrl = /^(http:\S+\/oauth\/authorize\S+)$/m

/** A port that is free now: the suite listens on it for the redirect. */
const freePort = Effect.promise(async () => {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() })
  const port = server.port ?? 0
  await server.stop(true)
  return port
})

/** Whether all scenarios pass. `suite`: path of the suite's command line. */
export const authorization = (suite: string) =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    const port = yield* freePort
    const redirect = `http://127.0.0.1:${port}/callback`
    const { clientId } = yield* manualClient(base, {}, { redirect_uris: [redirect] })
    const args = ["authorization", "--url", base, "--client-id", clientId, "--resource", `${base}/mcp`]
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Bun.spawn([process.execPath, suite, ...args, "--port", String(port)], {
          stdout: "pipe",
          stderr: "ignore"
        })
      ),
      (running) => Effect.sync(() => running.kill())
    )
    const output = yield* Effect.promise(async () => {
      let text = ""
      let signedIn = false
      const decoder = new TextDecoder()
      for await (const chunk of child.stdout) {
        text += decoder.decode(chunk, { stream: true })
        const url = authorizationUrl.exec(text)?.[1]
        if (url === undefined || signedIn) continue
        signedIn = true
        await fetch(await new Browser("alice", redirect).authorize(new URL(url)))
      }
      return text
    })
    const passed = [...output.matchAll(/^✓ \S+: \d+ passed, 0 failed/gm)].length
    const failed = [...output.matchAll(/^✗ .*$/gm)].map(([line]) => line)
    for (const line of failed) yield* Console.log(line)
    yield* Console.log(`authorization 2026-07-28 ${passed}/${passed + failed.length}`)
    return passed > 0 && failed.length === 0
  }).pipe(Effect.scoped, Effect.orDie)
