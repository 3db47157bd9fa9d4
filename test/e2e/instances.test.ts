/** Several server processes: an exact rate limit over a shared Redis, and a process that is killed during a call. */
import { expect } from "bun:test"
import { Effect, Fiber, Schedule } from "effect"
import { audited, storedRows, verified } from "../support/audit.ts"
import { itPostgres, postgres, sqlite } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { describeRedis, redisServer } from "../support/redis.ts"
import { gone } from "../support/processes.ts"
import { bearer } from "../support/rest.ts"
import { post, readJson, stateless } from "../support/service.ts"
import { servingProcess } from "../support/servingProcess.ts"

const admin = "admin-0123456789abcdef0123456789abcdef"
const auth = { tokens: [{ name: "admin", token: admin, scopes: ["read", "call", "admin"] }] }

const call = (url: URL, name: string, args: Readonly<Record<string, unknown>>) => {
  const { body, headers } = stateless(1, "tools/call", { name, arguments: args })
  return post(url, body, { ...headers, ...bearer(admin) })
}

/** What the process says of its connection to Redis. */
const redisOf = (url: URL) =>
  Effect.promise(async () => {
    const response = await fetch(new URL("/health", url), { headers: bearer(admin) })
    const { parts } = (await response.json()) as {
      readonly parts: { readonly redis: { readonly status: string } }
    }
    return parts.redis.status
  })

const start = (config: Parameters<typeof servingProcess>[0]["config"], count: number) =>
  Effect.all(Effect.replicate(servingProcess({ config }), count), { concurrency: "unbounded" })

describeRedis("three processes that share a Redis", () => {
  it.live("admit exactly the calls of a limit, and reject the others with 429 and Retry-After", () =>
    Effect.gen(function* () {
      const { url: redis_url } = yield* redisServer()
      const storage = { ...(yield* sqlite), redis_url }
      const limits = { principal: { calls: 100, window: "1 hour" } }
      const processes = yield* start({ storage, auth, limits }, 3)
      // Without a connection each would count alone.
      for (const { url } of processes)
        yield* Effect.repeat(redisOf(url), { until: (status) => status === "ok" })
      const responses = yield* Effect.forEach(
        Array.from({ length: 120 }, (_, index) => processes[index % 3]),
        (each) =>
          Effect.flatMap(Effect.fromNullishOr(each), ({ url }) => call(url, "math.add", { a: 1, b: 2 })),
        { concurrency: 12 }
      )
      expect(responses.filter(({ status }) => status === 200)).toHaveLength(100)
      const rejected = responses.filter(({ status }) => status === 429)
      expect(rejected).toHaveLength(20)
      for (const { headers } of rejected) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0)
    })
  )
})

itPostgres.live(
  "a process that is killed during a call: its caller gets an error, and the other process serves the retry",
  () =>
    Effect.gen(function* () {
      const storage = yield* postgres
      const seconds = 70_000 + (process.pid % 10_000)
      const named = {
        // Writes its begin, so that the test knows that it runs.
        wait: {
          run: [
            "sh",
            "-c",
            `[ -e ${storage.dir}/begun ] || { echo > ${storage.dir}/begun; exec sleep ${seconds}; }`
          ],
          sandbox: "off"
        }
      }
      const [killed, other] = yield* start({ storage, auth, commands: { named } }, 2)
      if (killed === undefined || other === undefined) return yield* Effect.die("not started")
      const command = { command: "wait" }
      const calling = yield* Effect.forkChild(
        Effect.exit(
          Effect.flatMap(call(killed.url, "run_command", command), (response) =>
            Effect.promise(() => response.text())
          )
        ),
        { startImmediately: true }
      )
      const begun = Effect.promise(() => Bun.file(`${storage.dir}/begun`).exists())
      yield* Effect.repeat(begun, { until: (exists) => exists })
      killed.child.kill("SIGKILL")
      expect((yield* Fiber.join(calling))._tag).toBe("Failure")
      // A new process has just begun, so that the guard of process groups may not know it.
      yield* gone(`sleep\u0000${seconds}`)
      const retried = yield* readJson(yield* call(other.url, "run_command", command))
      expect(retried).toMatchObject({ result: { structuredContent: { exit_code: 0 } } })
      const rows = Effect.map(Effect.provide(storedRows, audited(storage)), (all) =>
        all.filter(({ action }) => action === "command.run").map(({ outcome }) => outcome)
      )
      // The last row is queued for up to a second.
      const written = yield* Effect.repeat(rows, {
        schedule: Schedule.spaced("50 millis"),
        until: (outcomes) => outcomes.length > 2
      }).pipe(Effect.andThen(rows))
      expect(written).toEqual(["started", "started", "succeeded"])
      expect(yield* Effect.provide(verified, audited(storage))).toMatchObject({ status: "intact" })
    })
)
