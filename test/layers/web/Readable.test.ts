/** Pages as text: articles, charsets, pages made to be expensive, and a worker that ends when it must. */
import { describe, expect } from "bun:test"
import { Clock, Effect, Fiber } from "effect"
import fc from "fast-check"
import * as headers from "../../../layers/web/headers.ts"
import { charset, decode, essence, kindOf, presentable } from "../../../layers/web/media.ts"
import * as Readable from "../../../layers/web/Readable.ts"
import { it } from "../../support/effect.ts"

const url = "https://site.example/docs/page.html"
const encode = (text: string) => new TextEncoder().encode(text)
const page = (html: string | Uint8Array<ArrayBuffer>, said?: string) =>
  Readable.page({ bytes: typeof html === "string" ? encode(html) : html, url, charset: said }, "20 seconds")

const article = `<!DOCTYPE html><html lang=en><head><title>Tea &amp; biscuits</title>
<script>document.write("never shown")</script><style>p { color: red }</style></head><body>
<nav><ul><li><a href="/">Home</a><li><a href="/about">About us</a></ul></nav>
<main><article><h1>Tea &amp; biscuits</h1>
<p>${"Tea is a drink that people make with <b>hot</b> water and <a href='../leaves?kind=green'>leaves</a>. ".repeat(8)}</p>
<h2>How to make it</h2><ol><li>Boil water.</li><li>Wait three minutes, caf&eacute; style.</li></ol>
<pre><code class="language-js">const cup = "full"</code></pre>
<table><thead><tr><th>kind</th><th>minutes</th></tr></thead><tbody><tr><td>green</td><td>2</td></tr></tbody></table>
<img alt="a cup" src="data:image/png;base64,${"A".repeat(4000)}">
<p onclick="steal()">The <a href="javascript:steal()">end</a>.</p></article></main>
<footer>Imprint and cookies</footer></body></html>`

describe("a page", () => {
  it.live("is its article as Markdown, with its title and whole links, and nothing that runs", () =>
    Effect.gen(function* () {
      const { text, title } = yield* page(article)
      expect(title).toBe("Tea & biscuits")
      expect(text).toContain("[leaves](https://site.example/leaves?kind=green)")
      expect(text).toContain("## How to make it")
      expect(text).toMatch(/1\. +Boil water\./)
      expect(text).toContain("café style")
      expect(text).toContain('```js\nconst cup = "full"\n```')
      expect(text).toMatch(/\| green \| 2 \|/)
      for (const none of [
        "never shown",
        "color: red",
        "About us",
        "Imprint",
        "javascript:",
        "onclick",
        "base64"
      ]) {
        expect(text).not.toContain(none)
      }
    })
  )

  it.live("without anything like an article is its words", () =>
    Effect.gen(function* () {
      expect((yield* page("just words")).text).toBe("just words")
      expect((yield* page("<p>one<p>two &lt; three")).text).toMatch(
        /^one\n+two <? ?<? ?three$|one\n\ntwo < three/
      )
      expect((yield* page("")).text).toBe("")
      expect((yield* page("<html><head><title>Only this</title></head></html>")).title).toBe("Only this")
    })
  )
})

describe("a charset", () => {
  const japanese = Uint8Array.from([0x93, 0xfa, 0x96, 0x7b, 0x8c, 0xea])
  const html = (bytes: Uint8Array, head = "") =>
    Uint8Array.from([
      ...encode(`<html><head>${head}</head><body><p>`),
      ...bytes,
      ...encode("</p></body></html>")
    ])

  it.live("is the server's, or the page's, or UTF-8, or the old default", () =>
    Effect.gen(function* () {
      expect((yield* page(html(japanese), "Shift_JIS")).text).toContain("日本語")
      expect((yield* page(html(japanese, "<meta charset=shift_jis>"))).text).toContain("日本語")
      expect((yield* page(html(japanese, "<meta charset=shift_jis>"), "no-such")).text).toContain("日本語")
      expect((yield* page(html(encode("日本語")))).text).toContain("日本語")
      expect((yield* page(html(Uint8Array.of(0x93, 0x80, 0x94)))).text).toContain("“€”")
    })
  )

  it.live("that is wrong gives wrong letters and no failure; a byte order mark wins over it", () =>
    Effect.gen(function* () {
      expect((yield* page(html(encode("日本語"), "<meta charset=utf-7>"))).text).not.toBe("")
      expect((yield* page(html(japanese), "utf-8")).text).toContain("\ufffd")
      expect((yield* page(html(encode("x")), "replacement")).text).toBeString()
      const marked = Uint8Array.from([0xef, 0xbb, 0xbf, ...html(encode("日本語"))])
      expect((yield* page(marked, "shift_jis")).text).toContain("日本語")
      const utf16 = Uint8Array.from([
        0xff,
        0xfe,
        ...[..."<p>日本語"].flatMap((c) => [c.charCodeAt(0) & 255, c.charCodeAt(0) >> 8])
      ])
      expect((yield* page(utf16, "utf-8")).text).toContain("日本語")
    })
  )
})

describe("a page made to be expensive", () => {
  const deep = (count: number) => `${"<div>".repeat(count)}deep words${"</div>".repeat(count)}`

  it.live("of 4,000 nested elements is its words, soon", () =>
    Effect.gen(function* () {
      const started = yield* Clock.currentTimeMillis
      expect((yield* page(deep(4000))).text).toBe("deep words")
      expect((yield* page(`<title>T</title>${"<b>".repeat(100_000)}words`)).text).toBe("words")
      expect((yield* Clock.currentTimeMillis) - started).toBeLessThan(10_000)
    })
  )

  it.live("of elements that need no end tag is not nested at all", () =>
    Effect.gen(function* () {
      const { text } = yield* page(
        `<article><h1>List</h1><ul>${"<li>an item of it".repeat(1000)}</ul></article>`
      )
      expect(text).toMatch(/^- an item of it$/m)
    })
  )

  it.live("is what was found within the time, and the worker is gone after it", () =>
    Effect.gen(function* () {
      const bytes = encode(`<article>${"<p>words <b>and</b> <i>more</i> words</p>".repeat(60_000)}</article>`)
      const { text } = yield* Readable.page({ bytes, url }, "1500 millis")
      expect(text).toContain("words and more words")
      yield* idle
    })
  )

  it.live("fails typed when there was no time for anything", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Readable.page({ bytes: encode(article), url }, "1 millis"))
      expect(error._tag).toBe("Unreadable")
    })
  )

  it.live("takes its worker along when the caller goes", () =>
    Effect.gen(function* () {
      const bytes = encode(`<article>${"<p>words <b>and</b> <i>more</i> words</p>".repeat(60_000)}</article>`)
      const fiber = yield* Effect.forkChild(Readable.page({ bytes, url }, "60 seconds"), {
        startImmediately: true
      })
      // The worker has begun when this one has been read beside it.
      yield* page("<p>short")
      yield* Fiber.interrupt(fiber)
      yield* idle
    })
  )

  /** Waits until this process uses less than half a core, and fails when that does not come to be. */
  const idle = Effect.promise(async () => {
    for (let tries = 0; tries < 20; tries++) {
      const before = process.cpuUsage()
      await Bun.sleep(200)
      const { system, user } = process.cpuUsage(before)
      if (user + system < 100_000) return
    }
    throw new Error("the worker runs on")
  })
})

describe("robots.txt", () => {
  const allows = (text: string, path: string, agent = "manifold/1.0") =>
    Readable.allows({ text, url: `https://site.example${path}`, agent }, "20 seconds")

  it.live("is obeyed for our name, else for everybody's, and by the longest rule", () =>
    Effect.gen(function* () {
      const rules = `User-agent: *\nDisallow: /private\nAllow: /private/open\n\nUser-agent: Manifold\nUser-agent: other\nDisallow: /x*y$`
      expect(yield* allows(rules, "/private/open")).toBe(true)
      expect(yield* allows(rules, "/x1y")).toBe(false)
      expect(yield* allows(rules, "/x1yz")).toBe(true)
      expect(yield* allows(rules, "/private/a", "foo/1")).toBe(false)
      expect(yield* allows(rules, "/private/open/a", "foo/1")).toBe(true)
      expect(yield* allows("", "/")).toBe(true)
      expect(yield* allows("\0\ufffd<html>", "/")).toBe(true)
    })
  )

  it.live("of ten thousand agents before ten thousand rules is read", () =>
    Effect.gen(function* () {
      const agents = Array.from({ length: 10_000 }, (_, index) => `User-agent: a${index}`)
      const rules = Array.from({ length: 10_000 }, (_, index) => `Disallow: /p${index}`)
      expect(yield* allows([...agents, "User-agent: *", ...rules].join("\n"), "/p77")).toBe(false)
    })
  )
})

describe("media", () => {
  it.effect("are told apart by type and by first bytes", () =>
    Effect.sync(() => {
      const cases = [
        ["text/html; charset=x", "x", "html"],
        ["application/xhtml+xml", "x", "html"],
        ["Application/JSON", "{}", "text"],
        ["application/problem+json", "{}", "text"],
        ["text/plain", "x", "text"],
        ["text/plain", "x\0y", "binary"],
        ["image/png", "x", "binary"],
        ["application/octet-stream", "x", "binary"],
        [null, "<!-- c --> <!doctype HTML>", "html"],
        [null, "words", "text"],
        ["", "\0", "binary"]
      ] as const
      for (const [type, body, kind] of cases)
        expect([type, body, kindOf(type, encode(body))]).toEqual([type, body, kind])
      expect(essence("Text/HTML ; a=b")).toBe("text/html")
      expect(charset('text/html; a=b; Charset="x-y"; c')).toBe("x-y")
      expect(charset("text/html")).toBeUndefined()
    })
  )

  it.effect("decode whatever bytes they are, under whatever name", () =>
    Effect.sync(() => {
      fc.assert(
        fc.property(
          fc.uint8Array(),
          fc.option(fc.oneof(fc.string(), fc.constantFrom("utf-16le", "gb18030", "big5")), {
            nil: undefined
          }),
          fc.boolean(),
          (bytes, label, cut) => {
            expect(typeof decode(bytes, label, cut)).toBe("string")
          }
        )
      )
      expect(decode(encode("日本").subarray(0, 5), undefined, true)).toBe("日")
    })
  )

  /** Any UTF-16 units, halves of characters among them. */
  const units = fc
    .array(fc.oneof(fc.nat(0x7f), fc.integer({ min: 0xd7ff, max: 0xe000 }), fc.nat(0xffff)))
    .map((codes) => String.fromCharCode(...codes))

  it.effect("are presentable: no controls, no half characters, never longer", () =>
    Effect.sync(() => {
      fc.assert(
        fc.property(units, fc.integer({ min: 1, max: 20 }), (text, most) => {
          const shown = presentable(text, most)
          expect(shown.text.length).toBeLessThanOrEqual(most)
          expect(shown.text.isWellFormed()).toBe(true)
          expect(shown.text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
          expect(presentable(text, 1000).text.startsWith(shown.text)).toBe(true)
        })
      )
      expect(presentable("a😀b", 2)).toEqual({ text: "a", truncated: true })
    })
  )
})

it.effect("headers are shown without what lets their bearer in", () =>
  Effect.sync(() => {
    const received = new Headers({
      "content-type": "text/html",
      "x-api-key": "k-123",
      "X-Auth-Token": "t-123",
      "x-csrf-token": "c-123",
      "x-author": "Ann",
      "x-long": "l".repeat(5000)
    })
    received.append("set-cookie", "sid=s-123; Path=/; HttpOnly")
    received.append("set-cookie", "bare")
    const json = headers.toJson(received)
    expect(json).not.toContain("-123")
    const shown = JSON.parse(json) as Record<string, string>
    expect(shown).toMatchObject({
      "content-type": "text/html",
      "x-api-key": "[redacted]",
      "x-author": "Ann",
      "set-cookie": "sid=[redacted]; Path=/; HttpOnly, [redacted]"
    })
    expect(shown["x-long"]?.length).toBe(1000)
  })
)
