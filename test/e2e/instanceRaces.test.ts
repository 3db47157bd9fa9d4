/** Races between two server processes on one PostgreSQL: of many uses of one credential at once, one succeeds. */
import { expect } from "bun:test"
import { Effect, Random, Schedule } from "effect"
import { itPostgres, postgres } from "../support/databases.ts"
import { Browser, callback, form, manualClient, password, SdkClient } from "../support/oauth.ts"
import { bearer } from "../support/rest.ts"
import { openSession, post, readJson, request, stateless } from "../support/service.ts"
import { servingProcess } from "../support/servingProcess.ts"
import { manifold } from "../support/stdio.ts"
import { home } from "../support/userHome.ts"

/** A long run is for CI: `MANIFOLD_LONG_TESTS=1`. */
const rounds = process.env["MANIFOLD_LONG_TESTS"] === undefined ? 2 : 40
/** Requests of one race, by round: two of them meet at other moments than many. */
const racersOf = (round: number) => (round % 2 === 0 ? 12 : 2)

/** Processes answer requests to this address, as behind a load balancer. */
const publicUrl = "http://127.0.0.1:9"

/** A browser behind a load balancer: each request goes to the next process. */
class BalancedBrowser extends Browser {
  readonly #urls: ReadonlyArray<string>
  #next: number
  constructor(urls: ReadonlyArray<string>, first: number) {
    super()
    this.#urls = urls
    this.#next = first
  }
  override fetch(url: URL, init?: RequestInit) {
    const to = this.#urls[this.#next++ % this.#urls.length]
    return super.fetch(new URL(`${url.pathname}${url.search}`, to), init)
  }
}

/** Two processes with an account and a token, and functions to send requests to both of them. */
const instances = Effect.gen(function* () {
  const storage = yield* postgres
  const most = { max: 1_000_000 }
  const config = {
    storage,
    server: { public_url: publicUrl },
    auth: {
      anonymous_loopback: false,
      failures: most,
      oauth: { requests: most, registrations: most }
    }
  }
  const { dir, env } = yield* home()
  const run = (args: ReadonlyArray<string>, stdin = "") =>
    manifold(args, {
      cwd: dir,
      env: { ...env, HOME: storage.dir, MCP_CONFIG_JSON: JSON.stringify(config) },
      stdin
    })
  // The first command creates the tables and the keys.
  expect((yield* run(["user", "add", "alice"], `${password}\n`)).code).toBe(0)
  const token = (yield* run(["token", "create", "machine"])).stdout.trim()
  const processes = yield* Effect.all([servingProcess({ config }), servingProcess({ config })], {
    concurrency: "unbounded"
  })
  const urls = processes.map(({ url }) => url.origin)
  /** The effects of both processes in random order, at once. */
  const race = <A, E>(round: number, each: (url: string) => Effect.Effect<A, E>) =>
    Effect.gen(function* () {
      const all = Array.from({ length: racersOf(round) }, (_, index) => urls[index % 2] ?? "")
      const order = yield* Random.shuffle(all)
      return yield* Effect.forEach(order, each, { concurrency: "unbounded" })
    })
  const browser = Effect.map(Random.nextIntBetween(0, 2), (first) => new BalancedBrowser(urls, first))
  return { browser, race, run, token, urls }
})

type Instances = Effect.Success<typeof instances>

/** Lists the tools of both processes with an access token: the statuses. */
const statuses = ({ urls }: Instances, token: string) =>
  Effect.forEach(urls, (url) => {
    const { body, headers } = stateless(1, "tools/list")
    return Effect.map(
      post(new URL("/mcp", url), body, { ...headers, ...bearer(token) }),
      ({ status }) => status
    )
  })

const winnerOf = <A extends { readonly status: number }>(responses: ReadonlyArray<A>): A => {
  const [winner, ...others] = responses.filter(({ status }) => status === 200)
  expect(others).toHaveLength(0)
  if (winner === undefined) throw new Error(`no request succeeded: ${JSON.stringify(responses)}`)
  return winner
}

/** All but the winner got `invalid_grant`. */
const expectRejected = (responses: ReadonlyArray<Effect.Success<ReturnType<typeof form>>>) =>
  expect(
    responses.filter(({ body, status }) => status === 400 && body.error === "invalid_grant")
  ).toHaveLength(responses.length - 1)

/** A code is redeemed by all at once, then the refresh token of the winner. */
const tokenRound = Effect.fnUntraced(function* (both: Instances, round: number) {
  const { browser, race, urls } = both
  const { authorizeUrl, clientId, verifier } = yield* manualClient(urls[0] ?? "", {
    resource: `${publicUrl}/mcp`
  })
  const person = yield* browser
  const back = yield* Effect.promise(() => person.authorize(authorizeUrl))
  const redeem = {
    grant_type: "authorization_code",
    code: back.searchParams.get("code") ?? "",
    code_verifier: verifier,
    client_id: clientId,
    redirect_uri: callback
  }
  const codes = yield* race(round, (url) => form(`${url}/oauth/token`, redeem))
  const tokens = winnerOf(codes)
  expectRejected(codes)
  // A repetition of the exchange at once keeps the tokens of the first.
  expect(yield* statuses(both, tokens.body.access_token)).toEqual([200, 200])

  const refresh = {
    grant_type: "refresh_token",
    client_id: clientId,
    refresh_token: tokens.body.refresh_token
  }
  const refreshed = yield* race(round, (url) => form(`${url}/oauth/token`, refresh))
  const next = winnerOf(refreshed)
  expectRejected(refreshed)
  // The others were replays, which revoke the whole family.
  for (const url of urls) {
    const family = yield* form(`${url}/oauth/token`, { ...refresh, refresh_token: next.body.refresh_token })
    expect([family.status, family.body.error]).toEqual([400, "invalid_grant"])
  }
  for (const revoked of [tokens, next]) {
    yield* Effect.repeat(statuses(both, revoked.body.access_token), {
      schedule: Schedule.spaced("50 millis"),
      until: (found) => found.every((status) => status === 401)
    })
  }
})

/** Both processes get the same consent at once; each response leads to another code. */
const consentRound = Effect.fnUntraced(function* (both: Instances, round: number) {
  const { browser, urls } = both
  const { authorizeUrl, clientId, verifier } = yield* manualClient(
    urls[round % 2] ?? "",
    { resource: `${publicUrl}/mcp` },
    { client_name: `Client ${round}` }
  )
  const person = yield* browser
  const codes = yield* Effect.promise(async () => {
    const signIn = await person.open(authorizeUrl)
    const toConsent = await person.answer(signIn.url, signIn.text)
    const consent = await person.open(new URL(toConsent.headers.get("location") ?? ""))
    expect(consent.text).toContain(`Connect <strong>Client ${round}</strong>`)
    const answers = await Promise.all([
      person.answer(consent.url, consent.text),
      person.answer(consent.url, consent.text)
    ])
    expect(answers.map(({ status }) => status)).toEqual([303, 303])
    const ends = await Promise.all(
      answers.map((answer) => person.authorize(new URL(answer.headers.get("location") ?? "")))
    )
    return ends.map(({ searchParams }) => searchParams.get("code") ?? "")
  })
  expect(codes).toEqual([expect.stringMatching(/^[\w-]{43}$/), expect.stringMatching(/^[\w-]{43}$/)])
  expect(new Set(codes).size).toBe(2)
  for (const [index, code] of codes.entries()) {
    const redeemed = yield* form(`${urls[index]}/oauth/token`, {
      grant_type: "authorization_code",
      code,
      code_verifier: verifier,
      client_id: clientId,
      redirect_uri: callback
    })
    expect(redeemed).toMatchObject({ status: 200 })
    expect(yield* statuses(both, redeemed.body.access_token)).toEqual([200, 200])
  }
})

/** All register the same metadata, with its fields in random order. */
const registrationRound = Effect.fnUntraced(function* ({ race }: Instances, round: number) {
  const metadata = { ...new SdkClient().clientMetadata, client_name: `Registered ${round}` }
  const registered = yield* race(round, (url) =>
    Effect.gen(function* () {
      const fields = yield* Random.shuffle(Object.entries(metadata))
      const response = yield* post(new URL("/oauth/register", url), Object.fromEntries(fields))
      return { status: response.status, id: (yield* readJson(response))["client_id"] }
    })
  )
  expect(new Set(registered.map(({ status }) => status))).toEqual(new Set([201]))
  expect(new Set(registered.map(({ id }) => id)).size).toBe(1)
})

/** All open a stream with one ticket. */
const ticketRound = Effect.fnUntraced(function* ({ race, token, urls }: Instances, round: number) {
  const issued = yield* post(new URL("/auth/ticket", urls[round % 2]), { path: "/stream" }, bearer(token))
  const { ticket } = yield* readJson(issued)
  const opened = yield* race(round, (url) =>
    Effect.promise(async () => {
      const response = await fetch(`${url}/stream?ticket=${String(ticket)}`)
      await response.body?.cancel()
      return { status: response.status }
    })
  )
  winnerOf(opened)
  expect(opened.filter(({ status }) => status === 401)).toHaveLength(opened.length - 1)
})

/** The session of one process is unknown to the other, and to another principal. */
const sessions = Effect.fnUntraced(function* ({ run, token, urls }: Instances) {
  const [one = "", two = ""] = urls
  const session = yield* openSession(new URL("/mcp", one), "2025-11-25", bearer(token))
  const ping = (url: string, headers: Record<string, string>) =>
    Effect.map(post(new URL("/mcp", url), request(1, "ping"), headers), ({ status }) => status)
  expect(yield* ping(one, session)).toBe(200)
  const other = (yield* run(["token", "create", "other"])).stdout.trim()
  for (const url of [one, two]) expect(yield* ping(url, { ...session, ...bearer(other) })).toBe(404)
  expect(yield* ping(two, session)).toBe(404)
  expect(yield* ping(one, session)).toBe(200)
})

itPostgres.live(
  "of many uses of one code, refresh token or ticket at two processes one succeeds, and repeated consent and registration agree",
  () =>
    Effect.gen(function* () {
      const both = yield* instances
      for (let round = 0; round < rounds; round++) {
        yield* Effect.all(
          [
            tokenRound(both, round),
            consentRound(both, round),
            registrationRound(both, round),
            ticketRound(both, round)
          ],
          {
            discard: true
          }
        ).pipe(Random.withSeed(`round ${round}`))
      }
      yield* sessions(both)
    }),
  30_000 + rounds * 10_000
)
