/** `web.fetch_url` through the catalog, on real sites: results, redirects, limits, and failures as results. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber, Layer } from "effect"
import type { ProgressEvent } from "../../../layers/progress/ProgressEvent.ts"
import type { WebPage } from "../../../layers/web/WebPage.ts"
import { Caller } from "../../../src/catalog/Caller.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import * as toolkitEntries from "../../../src/catalog/toolkitEntries.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import * as webFetch from "../../../src/tools/webFetch.ts"
import { callServices, callTool, catalog } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"
import { client, forever, rawSite, site, type VisitOptions } from "../../support/sites.ts"

const program = (options: VisitOptions = {}) =>
  toolkitEntries.layer(webFetch).pipe(Layer.provide(client(options)), Layer.provideMerge(catalog))

const fetchUrl = (args: Record<string, unknown>) =>
  Effect.map(callTool("web.fetch_url", args), ({ content, structured }) => ({
    // The schema of the tool's result, which the catalog has encoded.
    page: structured as unknown as WebPage,
    shown: content[0]?.type === "text" ? content[0].text : ""
  }))

const respond = (body: string | Uint8Array<ArrayBuffer>, type: string) =>
  site(() => new Response(body, { headers: { "content-type": type } }))

const names = [
  "url",
  "final_url",
  "status_code",
  "elapsed_ms",
  "content_type",
  "title",
  "headers_json",
  "content_preview",
  "truncated",
  "error"
]
const html = `<html><head><title>A title</title></head><body><nav>menu</nav><article><h1>A title</h1><p>${"Words of the article. ".repeat(20)}</p></article></body></html>`

describe("the result", () => {
  it.live("of a page is Markdown after redirects, with all its metadata", () =>
    Effect.gen(function* () {
      const { port } = yield* site(({ url }) =>
        new URL(url).pathname === "/"
          ? Response.redirect("/page", 302)
          : new Response(html, {
              headers: { "content-type": "text/html; charset=utf-8", "set-cookie": "sid=s-123; Path=/" }
            })
      )
      const asked = `http://site.test:${port}/`
      const { page, shown } = yield* fetchUrl({ url: asked })
      expect(Object.keys(page).toSorted()).toEqual([...names, "notes"].toSorted())
      expect(page.notes).toEqual([expect.stringContaining("navigation (4 characters)")])
      expect(page).toMatchObject({
        url: asked,
        final_url: `${asked}page`,
        status_code: 200,
        content_type: "text/html; charset=utf-8",
        title: "A title",
        truncated: false,
        error: null
      })
      expect(page.elapsed_ms).toBeGreaterThanOrEqual(0)
      expect(JSON.parse(page.headers_json)).toMatchObject({ "set-cookie": "sid=[redacted]; Path=/" })
      expect(page.content_preview).toContain("Words of the article.")
      expect(page.content_preview).not.toContain("menu")
      expect(shown).toContain("# A title")
      expect(shown).toContain("Words of the article.")
      expect(shown).toContain("navigation (4 characters)")
      const whole = yield* fetchUrl({ url: asked, whole_page: true })
      expect(whole.page.content_preview).toContain("menu")
      expect(Object.keys(whole.page).toSorted()).toEqual(names.toSorted())
    }).pipe(Effect.provide(program()))
  )

  it.live("of other text is unchanged, and of other content its type and size", () =>
    Effect.gen(function* () {
      const json = '{\n  "a": [1, 2]\n}\n'
      const cases = [
        [json, "application/json", json],
        ["a,b\r\n1,2\r\n", "text/csv", "a,b\n1,2\n"],
        ["plain \u0000", "text/plain", "[text/plain, 7 bytes]"],
        ["xxxx", "image/png", "[image/png, 4 bytes]"]
      ] as const
      for (const [body, type, expected] of cases) {
        const { port } = yield* respond(new TextEncoder().encode(body), type)
        const { page } = yield* fetchUrl({ url: `http://site.test:${port}/` })
        expect([type, page.content_preview, page.title, page.error]).toEqual([type, expected, null, null])
      }
      const untyped = yield* rawSite((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nwords"))
      const { page } = yield* fetchUrl({ url: `http://site.test:${untyped.port}/` })
      expect(page).toMatchObject({ content_preview: "words", content_type: null })
    }).pipe(Effect.provide(program()))
  )

  it.live("of another status is not an error", () =>
    Effect.gen(function* () {
      const { port } = yield* site(() => new Response("no such page", { status: 404 }))
      const { page } = yield* fetchUrl({ url: `http://site.test:${port}/` })
      expect(page).toMatchObject({ status_code: 404, content_preview: "no such page", error: null })
    }).pipe(Effect.provide(program()))
  )

  it.live("is truncated at max_chars, at the configured maximum and at max_bytes", () =>
    Effect.gen(function* () {
      const { port } = yield* respond("0123456789".repeat(1000), "text/plain")
      const length = (args: Record<string, unknown>) =>
        Effect.map(fetchUrl({ url: `http://site.test:${port}/`, ...args }), ({ page }) => [
          page.content_preview.length,
          page.truncated
        ])
      expect(yield* length({ max_chars: 10 })).toEqual([10, true])
      expect(yield* length({ max_chars: 10_000 })).toEqual([5000, true])
      expect(yield* length({})).toEqual([100, true])
      const endless = yield* rawSite((socket) => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>Endless</title>")
        forever(socket, "<p>and on</p>".repeat(100))
      })
      const { page } = yield* fetchUrl({ url: `http://site.test:${endless.port}/` })
      expect(page).toMatchObject({ title: "Endless", truncated: true, error: null })
      yield* endless.closed
    }).pipe(Effect.provide(program({ web: { max_chars: 100 }, outbound: { max_bytes: 5000 } })))
  )

  it.live("has one progress event for each step, in order", () =>
    Effect.gen(function* () {
      const { port } = yield* site(({ url }) =>
        url.endsWith("/end")
          ? new Response(html, { headers: { "content-type": "text/html" } })
          : Response.redirect("/end", 302)
      )
      const events: Array<ProgressEvent> = []
      const entries = yield* Catalog
      yield* entries.call(stdioUser, "web.fetch_url", { url: `http://site.test:${port}/` }).pipe(
        Effect.provideService(Caller, {
          principal: stdioUser,
          requestId: "test",
          onProgress: (event) => events.push(event)
        }),
        Effect.provide(callServices)
      )
      expect(events.map(({ details }) => details.message)).toEqual([
        "Resolving site.test",
        `Waiting for site.test:${port}`,
        `Downloading from site.test:${port}`,
        "Extracting text",
        undefined
      ])
      expect(
        events.map(({ event_type, progress_percent, step }) => [event_type, step, progress_percent])
      ).toEqual([
        ["progress_started", "resolve", 0],
        ["progress_update", "connect", 25],
        ["progress_update", "download", 50],
        ["progress_update", "extract", 75],
        ["progress_completed", "extract", 100]
      ])
    }).pipe(Effect.provide(program()))
  )
})

describe("a failure", () => {
  it.live("is a result with `error`, and null for missing fields", () =>
    Effect.gen(function* () {
      const closed = yield* site(() => new Response())
      yield* Effect.promise(closed.stop)
      const cases = [
        ["", "not a valid URL"],
        ["notaurl", "expected for example https://example.com/"],
        ["file:///etc/passwd", "only http and https"],
        ["http://169.254.169.254/latest/", "not a public address"],
        ["http://user:s3cret@site.test/", "user name or password"],
        ["http://absent.example/", "DNS lookup"],
        [`http://site.test:${closed.port}/`, "connection failed"]
      ] as const
      for (const [url, error] of cases) {
        const { page, shown } = yield* fetchUrl({ url })
        expect(page).toMatchObject({
          url,
          final_url: null,
          status_code: null,
          content_type: null,
          title: null,
          headers_json: "{}",
          content_preview: "",
          truncated: false
        })
        expect(page.error).toContain(error)
        expect(shown).toContain(error)
      }
    }).pipe(Effect.provide(program()))
  )

  it.live("after the response head keeps its fields", () =>
    Effect.gen(function* () {
      const { port } = yield* rawSite((socket) => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nabc")
      })
      const { page } = yield* fetchUrl({ url: `http://site.test:${port}/` })
      expect(page).toMatchObject({ status_code: 200, content_type: "text/plain", content_preview: "" })
      expect(page.error).toContain("time limit of 300 ms")
    }).pipe(Effect.provide(program({ outbound: { timeout: "300 millis" } })))
  )

  it.live("of the arguments is an error of the call", () =>
    Effect.gen(function* () {
      for (const args of [{}, { url: 1 }, { url: "http://a.test/", max_chars: 0 }]) {
        expect((yield* Effect.flip(callTool("web.fetch_url", args)))._tag).toBe("InvalidArguments")
      }
    }).pipe(Effect.provide(program()))
  )
})

describe("a refresh", () => {
  const markup = (body: string, more: Record<string, string> = {}) =>
    new Response(body, { headers: { "content-type": "text/html", ...more } })
  const refreshing = site(({ url }) => {
    const { pathname, searchParams } = new URL(url)
    const seconds = searchParams.get("s") ?? "0"
    if (pathname === "/meta")
      return markup(`<meta http-equiv=refresh content="${seconds}; url='/header'"><p>wait`)
    if (pathname === "/header") return markup("", { refresh: "1; url=/end" })
    if (pathname === "/self") return markup(`<meta http-equiv=refresh content="0; url=#top"><p>a clock`)
    if (pathname === "/loop")
      return markup(
        `<meta http-equiv=refresh content="0; url=/loop?n=${Number(searchParams.get("n")) + 1}">loop`
      )
    if (pathname === "/inside")
      return markup(`<meta http-equiv=refresh content="0; url=http://169.254.169.254/">`)
    return markup("<p>arrived")
  })

  it.live("is followed as browsers do, with a note", () =>
    Effect.gen(function* () {
      const { port } = yield* refreshing
      const at = (path: string) => `http://site.test:${port}${path}`
      const { page } = yield* fetchUrl({ url: at("/meta") })
      expect(page).toMatchObject({ url: at("/meta"), final_url: at("/end"), content_preview: "arrived" })
      expect(page.notes).toEqual([
        expect.stringContaining(`${at("/meta")} to ${at("/header")}`),
        expect.stringContaining(`${at("/header")} to ${at("/end")}`)
      ])
    }).pipe(Effect.provide(program()))
  )

  it.live("is not followed in a loop, after a delay, to the same page or to a private address", () =>
    Effect.gen(function* () {
      const { port, requests } = yield* refreshing
      const get = (path: string) =>
        Effect.map(fetchUrl({ url: `http://site.test:${port}${path}` }), ({ page }) => page)
      expect((yield* get("/meta?s=30")).notes?.[0]).toContain("after 30 s; fetch that URL")
      expect(yield* get("/self")).toMatchObject({ content_preview: "a clock" })
      const before = requests.length
      expect((yield* get("/loop")).notes?.at(-1)).toContain("fetch that URL")
      expect(requests.length - before).toBeLessThanOrEqual(4)
      expect((yield* get("/inside")).error).toContain("not a public address")
    }).pipe(Effect.provide(program()))
  )

  it.live("is not followed if the configuration disables it, with a note", () =>
    Effect.gen(function* () {
      const { port } = yield* refreshing
      const { page } = yield* fetchUrl({ url: `http://site.test:${port}/meta` })
      expect(page).toMatchObject({ content_preview: "wait", final_url: `http://site.test:${port}/meta` })
      expect(page.notes?.[0]).toContain("/header")
    }).pipe(Effect.provide(program({ web: { max_refreshes: 0 } })))
  )
})

describe("a body", () => {
  it.live("that is truncated by the server is shown up to there, with a note", () =>
    Effect.gen(function* () {
      const { port } = yield* rawSite((socket) =>
        socket.end(
          "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n<p>begins\r\n"
        )
      )
      const { page } = yield* fetchUrl({ url: `http://site.test:${port}/` })
      // Bun may report the broken connection before the first bytes.
      if (page.error === null) {
        expect(page).toMatchObject({ content_preview: "begins", truncated: true })
        expect(page.notes?.join()).toContain("incomplete")
      }
    }).pipe(Effect.provide(program()))
  )

  it.live("over the size limit is shown up to there, with a note", () =>
    Effect.gen(function* () {
      const { port } = yield* respond("<p>words</p>".repeat(1000), "text/html")
      const { page } = yield* fetchUrl({ url: `http://site.test:${port}/` })
      expect(page.truncated).toBe(true)
      expect(page.notes).toEqual([expect.stringMatching(/5000 bytes.*outbound\.max_bytes/)])
    }).pipe(Effect.provide(program({ outbound: { max_bytes: 5000 } })))
  )

  it.live("is decoded with the encoding of its XML declaration", () =>
    Effect.gen(function* () {
      const xml = Buffer.concat([
        Buffer.from('<?xml version="1.0" encoding="ISO-8859-2"?><t>'),
        Buffer.from([0xb3, 0xf3, 0x64, 0xbc]),
        Buffer.from("</t>")
      ])
      const { port } = yield* respond(new Uint8Array(xml), "application/rss+xml")
      const { page } = yield* fetchUrl({ url: `http://site.test:${port}/` })
      expect(page.content_preview).toContain("łódź")
    }).pipe(Effect.provide(program()))
  )
})

describe("robots.txt", () => {
  const visited = (status: number, rules: string, robots = true) =>
    Effect.gen(function* () {
      const { port, requests } = yield* site(({ url }) => {
        const { pathname } = new URL(url)
        if (pathname === "/robots.txt") return new Response(rules, { status })
        return pathname === "/moved" ? Response.redirect("/private", 302) : new Response("page")
      })
      const visit = (path: string) =>
        Effect.map(fetchUrl({ url: `http://site.test:${port}${path}` }), ({ page }) => page.error ?? "page")
      return { outcomes: yield* Effect.forEach(["/open", "/private", "/moved"], visit), requests }
    }).pipe(Effect.provide(program({ web: { robots } })))

  it.live("is not requested by default", () =>
    Effect.gen(function* () {
      const { outcomes, requests } = yield* visited(200, "User-agent: *\nDisallow: /", false)
      expect(outcomes).toEqual(["page", "page", "page"])
      expect(requests.some(({ path }) => path === "/robots.txt")).toBe(false)
    })
  )

  it.live("is requested once per site and obeyed, for redirects too", () =>
    Effect.gen(function* () {
      const { outcomes, requests } = yield* visited(200, "User-agent: manifold\nDisallow: /private")
      expect(outcomes[0]).toBe("page")
      expect(outcomes[1]).toContain("robots.txt")
      expect(outcomes[2]).toContain("robots.txt")
      expect(requests.map(({ path }) => path)).toEqual(["/robots.txt", "/open", "/moved"])
    })
  )

  it.live("allows everything if it is missing, and nothing if it cannot be read", () =>
    Effect.gen(function* () {
      expect((yield* visited(404, "")).outcomes).toEqual(["page", "page", "page"])
      const { outcomes } = yield* visited(503, "")
      for (const outcome of outcomes) expect(outcome).toContain("robots.txt")
    })
  )
})

it.live("an interrupted call closes its connection", () =>
  Effect.gen(function* () {
    const { asked, closed, port } = yield* rawSite(() => {})
    const ended = yield* Deferred.make<void>()
    const fiber = yield* fetchUrl({ url: `http://site.test:${port}/` }).pipe(
      Effect.onInterrupt(() => Deferred.succeed(ended, undefined)),
      Effect.forkChild
    )
    yield* asked
    yield* Fiber.interrupt(fiber)
    yield* closed
    yield* Deferred.await(ended)
  }).pipe(Effect.provide(program()))
)
