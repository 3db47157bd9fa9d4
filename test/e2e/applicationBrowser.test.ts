/** A protected application and a hostile one of the same site in Chromium: sessions, cookies, forms, scripts and WebSockets. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { chromium } from "playwright-core"
import { it } from "../support/effect.ts"
import { password } from "../support/oauth.ts"
import { backend } from "../support/proxies.ts"
import { tlsEdge } from "../support/tlsEdge.ts"

/** The browser of the system; none is downloaded. */
const executablePath = Bun.which("chromium")
const inBrowser: typeof it.live = (name, body, timeout) =>
  executablePath === null ? test.skip(name, () => {}) : it.live(name, body, timeout)

const html = { "content-type": "text/html" }

/** A browser that finds every host at 127.0.0.1, and accepts certificates of the local CA. */
const browserContext = Effect.gen(function* () {
  const args = ["--no-sandbox", "--host-resolver-rules=MAP * 127.0.0.1"]
  const browser = yield* Effect.acquireRelease(
    Effect.promise(() => chromium.launch({ executablePath: executablePath ?? "", args })),
    (running) => Effect.promise(() => running.close())
  )
  return yield* Effect.promise(() => browser.newContext({ ignoreHTTPSErrors: true }))
})

/** What the script, the forms and the WebSockets of a page reach at another address. */
const attackOn = (target: string) => `(async () => {
  const target = ${JSON.stringify(target)}
  const post = (init) =>
    fetch(target + "/change", { method: "POST", credentials: "include", ...init }).then(
      ({ type, status }) => type + " " + status,
      () => "failed"
    )
  const socket = () =>
    new Promise((resolve) => {
      const opened = new WebSocket(target.replace("https", "wss"))
      opened.onopen = () => resolve("opened")
      opened.onerror = () => resolve("failed")
    })
  const submit = () =>
    new Promise((resolve) => {
      const frame = document.createElement("iframe")
      frame.name = "result"
      document.body.append(frame)
      const form = document.createElement("form")
      Object.assign(form, { method: "post", action: target + "/form", target: "result" })
      document.body.append(form)
      frame.onload = () => resolve("loaded")
      form.submit()
    })
  return [await post({ mode: "no-cors" }), await post({}), await submit(), await socket()]
})()`

/** Sets cookies for the whole domain, and returns those of the page. */
const setCookies = `
  for (const name of ["__Host-manifold-session", "__Host-manifold_session"]) {
    document.cookie = name + "=x; Path=/; Secure; Domain=example.net"
  }
  document.cookie`

inBrowser(
  "a hostile application of the same site neither uses nor replaces the session of a protected one",
  () =>
    Effect.gen(function* () {
      const { publishAll } = yield* tlsEdge(["a.example.net"])
      const app = yield* backend(
        (request, server) =>
          server.upgrade(request, { data: undefined })
            ? undefined
            : new Response("<p>secret page", { headers: { ...html, "referrer-policy": "no-referrer" } }),
        { message: () => {} }
      )
      const hostile = yield* backend(() => {
        const headers = new Headers(html)
        headers.append("set-cookie", "__Host-manifold-session=x; Path=/; Secure")
        headers.append("set-cookie", "manifold_session=x; Domain=example.net; Path=/oauth; Secure")
        headers.append("set-cookie", "own=1; Path=/; Secure")
        return new Response("<p>hostile page", { headers })
      })
      const [url = "", evil = ""] = yield* publishAll([
        { hostname: "app.example.net", target_url: app.url, protect: "read" },
        { hostname: "evil.example.net", target_url: hostile.url }
      ])
      const context = yield* browserContext
      yield* Effect.promise(async () => {
        // The hostile application is opened first, and after the sign-in.
        const page = await context.newPage()
        await page.goto(evil)
        await page.goto(`${url}/page`)
        await page.getByLabel("Account").fill("alice")
        await page.getByLabel("Password").fill(password)
        await page.getByRole("button", { name: "Sign in" }).click()
        const consent = await page.innerText("main")
        expect(consent).toContain("The application learns the name of your account, alice.")
        expect(consent).not.toMatch(/verified|tools, prompts/)
        expect(
          await page.getByRole("link", { name: "sign out of the application" }).getAttribute("href")
        ).toBe(`${url}/.well-known/manifold/sign-out`)
        await page.getByRole("button", { name: "Open" }).click()
        await page.waitForURL(`${url}/page`)
        expect(await page.innerText("body")).toBe("secret page")

        const cookiesOf = async (address: string) =>
          (await context.cookies(address)).map(({ name, httpOnly, secure }) => [name, httpOnly, secure])
        expect(await cookiesOf(url)).toEqual([["__Host-manifold-session", true, true]])
        expect(await cookiesOf(evil)).toEqual([["own", false, true]])
        // The page itself may do all of it, also with forms whose Origin is `null`.
        app.requests.length = 0
        const own = await page.evaluate<unknown>(attackOn(url))
        expect(own).toEqual(["basic 200", "basic 200", "loaded", "opened"])
        expect(app.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
          "POST /change",
          "POST /change",
          "POST /form",
          "GET /"
        ])

        app.requests.length = 0
        await page.goto(evil)
        const foreign = await page.evaluate<unknown>(attackOn(url))
        // The form shows the page of the rejection.
        expect(foreign).toEqual(["opaque 0", "failed", "loaded", "failed"])
        expect(await page.evaluate<unknown>(setCookies)).toBe("own=1")
        expect(app.requests).toEqual([])
        expect(hostile.requests.some(({ headers }) => /manifold-session/.test(headers["cookie"] ?? ""))).toBe(
          false
        )

        // The person is still signed in, and is the same.
        await page.goto(`${url}/page`)
        expect(await page.innerText("body")).toBe("secret page")
        expect(app.requests.at(-1)?.headers["remote-user"]).toBe("alice")
      })
    }),
  120_000
)
