/** The OAuth server in Chromium: sign-in, consent, a call, step-up, refresh and revocation, by keyboard and without scripts. */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { Effect } from "effect"
import { chromium, type Page } from "playwright-core"
import { sqlite } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { form, manualClient, password, withAlice } from "../support/oauth.ts"
import { initialize, openSession, post, request } from "../support/service.ts"

/** The browser of the system; none is downloaded. */
const executablePath = Bun.which("chromium")
/** Where screenshots are written; none by default. */
const screenshots = process.env["MANIFOLD_SCREENSHOTS"]

const picture = async (page: Page, name: string) => {
  if (screenshots !== undefined)
    await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true })
}

const browserPage = Effect.map(
  Effect.acquireRelease(
    Effect.promise(() => chromium.launch({ executablePath: executablePath ?? "", args: ["--no-sandbox"] })),
    (browser) => Effect.promise(() => browser.close())
  ),
  (browser) => () => browser.newPage({ viewport: { width: 800, height: 700 } })
)

/** The client's own page, to which the browser returns. */
const clientPage = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() =>
      Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: () => new Response("<h1>Connected</h1>", { headers: { "content-type": "text/html" } })
      })
    ),
    (server) => Effect.promise(() => server.stop(true))
  ),
  ({ port }) => `http://127.0.0.1:${port}/callback`
)

const inBrowser: typeof it.live = (name, body, timeout) =>
  executablePath === null ? test.skip(name, () => {}) : it.live(name, body, timeout)

inBrowser(
  "a person signs in, consents, steps up and revokes in a browser",
  () =>
    Effect.gen(function* () {
      const { base } = yield* withAlice(sqlite)
      const open = yield* browserPage
      const redirect_uri = yield* clientPage
      const page = yield* Effect.promise(open)
      const problems: Array<string> = []
      page.on("console", (message) => {
        // Chromium reports the status of the rejected sign-in as well.
        if (message.type() === "error" && !message.text().includes("401")) problems.push(message.text())
      })
      const requested: Array<string> = []
      page.on("request", (each) => requested.push(new URL(each.url()).origin))

      const authorize = (scope: string) =>
        manualClient(
          base,
          { scope, redirect_uri },
          { redirect_uris: [redirect_uri], client_name: "Desk Assistant" }
        )
      const redeem = ({ clientId, verifier }: { readonly clientId: string; readonly verifier: string }) =>
        form(`${base}/oauth/token`, {
          grant_type: "authorization_code",
          code: new URL(page.url()).searchParams.get("code") ?? "",
          code_verifier: verifier,
          client_id: clientId,
          redirect_uri
        })

      const first = yield* authorize("mcp:read mcp:call")
      yield* Effect.promise(async () => {
        await page.goto(first.authorizeUrl.href)
        expect(await page.title()).toBe("Sign in to manifold")
        await picture(page, "1-sign-in")
        await page.getByLabel("Account").fill("alice")
        await page.getByLabel("Password").fill("not the password")
        await page.getByRole("button", { name: "Sign in" }).click()
        expect(await page.getByRole("alert").textContent()).toBe("The account or the password is wrong.")
        await picture(page, "2-wrong-password")
        // By keyboard: the field for the password has the focus.
        await page.keyboard.type(password)
        await page.keyboard.press("Enter")
        await page.getByRole("heading", { name: "Connect Desk Assistant to manifold?" }).waitFor()
        await picture(page, "3-consent")
        await page.getByRole("button", { name: "Use another account" }).click()
        await page.getByLabel("Account").fill("alice")
        await page.getByLabel("Password").fill(password)
        await page.getByRole("button", { name: "Sign in" }).click()
        await page.getByRole("heading", { name: "Connect Desk Assistant to manifold?" }).waitFor()
        await page.getByRole("button", { name: "Allow" }).click()
        await page.getByRole("heading", { name: "Connected" }).waitFor()
        expect(new URL(page.url()).searchParams.get("iss")).toBe(base)
      })
      const tokens = yield* redeem(first)
      expect(tokens.body.scope).toBe("mcp:read mcp:call")
      const url = new URL("/mcp", base)
      const bearer = (token: unknown) => ({ authorization: `Bearer ${String(token)}` })
      const session = yield* openSession(url, "2025-11-25", bearer(tokens.body.access_token))
      const call = request(2, "tools/call", { name: "get_logs", arguments: {} })
      const refused = yield* post(url, call, session)
      expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([
        403,
        expect.stringContaining("mcp:admin")
      ])

      // Step-up: the browser is signed in, and is asked about the new scope only.
      const second = yield* authorize("mcp:read mcp:call mcp:admin")
      expect(second.clientId).toBe(first.clientId)
      yield* Effect.promise(async () => {
        await page.goto(second.authorizeUrl.href)
        await page.getByRole("heading", { name: "Connect Desk Assistant to manifold?" }).waitFor()
        expect(await page.getByRole("listitem").allTextContents()).toEqual([
          "mcp:admin: Administer this service"
        ])
        await picture(page, "4-step-up")
        await page.getByRole("button", { name: "Allow" }).click()
        await page.getByRole("heading", { name: "Connected" }).waitFor()
      })
      const stepped = yield* redeem(second)
      const elevated = yield* openSession(url, "2025-11-25", bearer(stepped.body.access_token))
      expect((yield* post(url, call, elevated)).status).toBe(200)

      const refreshed = yield* form(`${base}/oauth/token`, {
        grant_type: "refresh_token",
        refresh_token: stepped.body.refresh_token,
        client_id: second.clientId
      })
      expect(refreshed.body.scope).toBe("mcp:read mcp:call mcp:admin")
      yield* form(`${base}/oauth/revoke`, {
        token: refreshed.body.refresh_token,
        client_id: second.clientId
      })
      expect((yield* post(url, initialize(), bearer(refreshed.body.access_token))).status).toBe(401)

      yield* Effect.promise(async () => {
        await page.goto(`${base}/oauth/interaction/unknown`)
        expect(await page.title()).toBe("This sign-in has ended")
        await picture(page, "5-ended")
        await page.goto(`${base}/oauth/authorize?client_id=unknown`)
        await picture(page, "6-unknown-client")
        await page.goto(first.authorizeUrl.href.replace(/scope=[^&]*/, "scope=mcp%3Aread"))
        await page.getByRole("button", { name: "Deny" }).click()
        await page.getByRole("heading", { name: "Connected" }).waitFor()
        expect(new URL(page.url()).searchParams.get("error")).toBe("access_denied")
      })
      // No scripts, styles or fonts of other servers, and nothing that the policy of the page had to block.
      expect([...new Set(requested)].toSorted()).toEqual([base, new URL(redirect_uri).origin].toSorted())
      expect(problems.filter((each) => each.includes("Content Security Policy"))).toEqual([])
    }),
  60_000
)
