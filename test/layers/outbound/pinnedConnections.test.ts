/** Connections of model providers, upstream servers and the OAuth server go to checked addresses, also over TLS. */
import { expect } from "bun:test"
import { createServer } from "node:net"
import { Effect } from "effect"
import { Outbound } from "../../../layers/outbound/Outbound.ts"
import { isUnreachable } from "../../../layers/outbound/pinnedAddress.ts"
import * as outbound from "../../../layers/outbound/section.ts"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Dns } from "../../../layers/platform/Dns.ts"
import { firstReachable } from "../../../layers/platform/firstReachable.ts"
import { callerFetch } from "../../../layers/upstream/callerFetch.ts"
import { webSocketTransport } from "../../../layers/upstream/webSocketTransport.ts"
import { it } from "../../support/effect.ts"
import { certificate, client, rawSite, site, type Answers } from "../../support/sites.ts"

const wait = <A>(run: () => Promise<A>) => Effect.promise(run)
const failure = (run: () => Promise<unknown>) =>
  wait(() => run().then(String, (cause: unknown) => `${Object(cause).code ?? ""} ${String(cause)}`))

/** The `fetch` for URLs of callers. No name of these tests is known to the resolver of the system. */
const callersFetch = (answers: Answers) =>
  Effect.gen(function* () {
    const settings = yield* (yield* ConfigSource).read(outbound.section)
    return callerFetch({ settings, dns: yield* Dns, allowPrivate: true, maxBytes: 1000 })
  }).pipe(Effect.provide([Dns.layerTest(answers), ConfigSource.layerFrom({})]))

const changing = (...answers: ReadonlyArray<ReadonlyArray<string>>): Answers => {
  let lookups = 0
  return () => answers[Math.min(lookups++, answers.length - 1)]
}

it.live(
  "a configured URL is requested at its checked address, and its certificate is verified for the name",
  () =>
    Effect.gen(function* () {
      const made = yield* certificate("DNS:models.test")
      const secure = yield* site(() => new Response("secure"), made)
      const plain = yield* site(() => new Response("plain"))
      yield* Effect.gen(function* () {
        const fetch = yield* (yield* Outbound).configuredFetch(1000)
        const text = (url: string) => wait(async () => (await fetch(url, { headers: { host: "x" } })).text())
        // The second request uses the pooled connection.
        for (const _ of [1, 2]) expect(yield* text(`https://models.test:${secure.port}/`)).toBe("secure")
        expect(yield* text(`http://models.test:${plain.port}/`)).toBe("plain")
        for (const { port, requests } of [secure, plain])
          expect(requests[0]?.headers.get("host")).toBe(`models.test:${port}`)
        // Pooled connections are not used for another name at the same address.
        for (const _ of [1, 2]) {
          const error = yield* failure(() => fetch(`https://other.test:${secure.port}/`))
          expect(error).toContain("ERR_TLS_CERT_ALTNAME_INVALID")
        }
        expect(secure.requests).toHaveLength(2)
      }).pipe(Effect.provide(client({ ca: made.cert })))
    })
)

it.live("a configured name with several addresses is reached at one that accepts connections", () =>
  Effect.gen(function* () {
    const { port } = yield* site(() => new Response("here"))
    const answers = () => ["::1", "127.0.0.2", "127.0.0.1"]
    yield* Effect.gen(function* () {
      const fetch = yield* (yield* Outbound).configuredFetch(1000)
      const response = yield* wait(() => fetch(`http://models.test:${port}/`, { method: "POST", body: "x" }))
      expect(response.status).toBe(200)
    }).pipe(Effect.provide(client({ answers })))
  })
)

it.live("a URL of a caller is requested at its checked address over TLS as well", () =>
  Effect.gen(function* () {
    const hellos: Array<string> = []
    const trap = yield* rawSite((socket, head) => {
      hellos.push(head)
      socket.end()
    })
    const fetch = yield* callersFetch(changing(["127.0.0.1"], ["169.254.169.254"]))
    yield* failure(() => fetch(`https://upstream.test:${trap.port}/mcp`))
    // The name is in the ClientHello.
    expect(hellos).toEqual([expect.stringContaining("upstream.test")])
    const url = new URL(`wss://upstream.test:${trap.port}/mcp`)
    const socket = webSocketTransport({ url, headers: {}, route: fetch.route, maxMessageBytes: 1000 })
    yield* failure(() => socket.start())
    expect(trap.connections()).toBe(2)
    const other = yield* failure(async () => fetch(`https://upstream.test:${trap.port}/other`))
    expect(other).toContain("requests to it are never allowed")
    expect(trap.connections()).toBe(2)
  })
)

it.live("a server of a caller that moves is found at its new address, unless that is forbidden", () =>
  Effect.gen(function* () {
    const gone = yield* site(() => new Response("gone"))
    const { port } = gone
    const answers = changing(["127.0.0.1"], ["127.0.0.2"], ["169.254.169.254"])
    const fetch = yield* callersFetch(answers)
    const text = () => fetch(`http://upstream.test:${port}/mcp`).then((response) => response.text())
    expect(yield* wait(text)).toBe("gone")
    yield* wait(gone.stop)
    const moved = Bun.serve({ hostname: "127.0.0.2", port, fetch: () => new Response("moved") })
    expect(yield* wait(text)).toBe("moved")
    yield* wait(() => moved.stop(true))
    expect(yield* failure(text)).toContain("requests to it are never allowed")
  })
)

it.live("the first address that accepts a connection is found, also after one that does not respond", () =>
  Effect.gen(function* () {
    const server = createServer().listen({ port: 0, host: "127.0.0.1" })
    yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
    yield* wait(() => new Promise((resolve) => server.once("listening", resolve)))
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    expect(yield* wait(() => firstReachable(["::1", "127.0.0.2", "127.0.0.1"], port))).toBe("127.0.0.1")
    // Addresses for documentation, which no network has.
    const silent = ["2001:db8::1", "192.0.2.1", "127.0.0.1"]
    expect(yield* wait(() => firstReachable(silent, port))).toBe("127.0.0.1")
    expect(yield* wait(() => firstReachable(["::1", "127.0.0.2"], port))).toBeUndefined()
    expect(yield* wait(() => firstReachable([], port))).toBeUndefined()
    expect(["ECONNREFUSED", "ECONNRESET", ""].map(isUnreachable)).toEqual([true, false, false])
  })
)
