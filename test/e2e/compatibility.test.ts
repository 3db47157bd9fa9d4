/** The matrix of docs/compatibility.md: real clients of both eras at upstream servers of both eras over every transport. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { type Layer, ManagedRuntime } from "effect"
import { clients } from "../support/matrix/clients.ts"
import { page, servers } from "../support/matrix/page.ts"
import { trials } from "../support/matrix/trials.ts"
import { upstreams } from "../support/matrix/upstreams.ts"
import { endpoint, service } from "../support/service.ts"

/** Milliseconds; only a trial that hangs takes so long, also on a machine that is busy. */
const patience = 50_000

let behind: Awaited<ReturnType<typeof upstreams>>
let front: ManagedRuntime.ManagedRuntime<Layer.Success<ReturnType<typeof service>>, unknown>
let url: URL

beforeAll(async () => {
  behind = await upstreams()
  front = ManagedRuntime.make(service({ mcp: { page_size: 1000 }, mcpServers: behind.config }))
  url = await front.runPromise(endpoint)
}, patience)

afterAll(async () => {
  await front.dispose()
  await behind.close()
})

/** Clients in turn, because a session-era server does not say which of several clients it asks. */
const failuresAt = async (server: string) => {
  const failures: Array<string> = []
  for (const [name, open] of Object.entries(clients)) {
    const client = await open(url)
    for (const [feature, trial] of Object.entries(trials)) {
      const timer = Promise.withResolvers<never>()
      const timeout = setTimeout(() => timer.reject(new Error("no result")), patience)
      await Promise.race([trial(client, server), timer.promise])
        .catch((error: unknown) => failures.push(`${name}, ${feature}: ${String(error)}`))
        .finally(() => clearTimeout(timeout))
    }
    await client.close()
  }
  return failures
}

test.concurrent.each(servers.map(({ name }) => name))(
  "every client uses every feature of the upstream server %s",
  async (server) => expect(await failuresAt(server)).toEqual([]),
  patience * 6
)

test("the page lists these features, clients and servers", async () => {
  expect(await Bun.file(new URL("../../docs/compatibility.md", import.meta.url)).text()).toBe(page())
})
