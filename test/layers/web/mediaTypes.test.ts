/** Media types, encodings, and the presentable form of text and headers. */
import { Effect } from "effect"
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { charsetOf, decode, type Syntax } from "../../../layers/web/charset.ts"
import { headersToJson } from "../../../layers/web/headersToJson.ts"
import { essence, isBinaryType, kindOf, presentable } from "../../../layers/web/mediaTypes.ts"
import { leastOf } from "../../support/leastOf.ts"

const encode = (text: string) => new TextEncoder().encode(text)
const bytes = (...parts: ReadonlyArray<string | ReadonlyArray<number>>) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...encode(part)] : [...part])))

describe("the media type of a body", () => {
  const html = { kind: "html", xml: false } as const
  const xhtml = { kind: "html", xml: true } as const
  const text = { kind: "text", syntax: "text" } as const
  const xml = { kind: "text", syntax: "xml" } as const
  const binary = { kind: "binary" } as const
  const cases = [
    ["text/html; charset=x", "x", html],
    ["application/xhtml+xml", "x", xhtml],
    ["application/xml", `<?xml version="1.0"?><!-- c --><html xmlns="x">`, xhtml],
    ["application/rss+xml", `<?xml version="1.0"?><rss>`, xml],
    ["text/xml", "<a/>", xml],
    ["image/svg+xml", "<svg/>", xml],
    ["Application/JSON", "{}", text],
    ["application/problem+json", "{}", text],
    ["text/plain", "<html>", text],
    ["text/plain", "x\0y", binary],
    ["text/plain; charset=utf-16le", "x\0y\0", text],
    ["image/png", "x", binary],
    ["application/pdf", "x", binary],
    ["application/vnd.ms-excel", "x", binary],
    ["application/octet-stream", "words\nand\twords\n", text],
    ["application/octet-stream", "<!doctype html><p>", html],
    ["application/octet-stream", "%PDF-1.7", binary],
    ["application/octet-stream", "PK\u0003\u0004", binary],
    ["binary/octet-stream", "words", text],
    ["application/csv", "a,b", text],
    ["application/x-unheard-of", "words", text],
    ["application/x-unheard-of", "\u0001\u0002", binary],
    [null, "<!-- c --> <!doctype HTML>", html],
    [null, "<!---->".repeat(500), text],
    [null, "<pre-release>", text],
    [null, "words", text],
    ["", "\0", binary]
  ] as const

  test("follows Content-Type, and the first bytes if that is missing or generic", () => {
    for (const [type, body, kind] of cases) {
      const found = kindOf(type, encode(body))
      // Unknown markup may declare its encoding as XML does.
      const same =
        found.kind === kind.kind && (found.kind !== "html" || found.xml === ("xml" in kind && kind.xml))
      expect([type, body.slice(0, 30), same, found.kind]).toEqual([type, body.slice(0, 30), true, kind.kind])
    }
    expect(isBinaryType("video/mp4")).toBe(true)
    expect(isBinaryType("image/svg+xml")).toBe(false)
    expect(essence("Text/HTML ; a=b")).toBe("text/html")
  })

  test("is found in linear time for any first bytes", () => {
    for (const start of ["<!---->", "<?x?>", "<!--", " ", "<"]) {
      const first = encode(start.repeat(100_000))
      const time = leastOf(
        50,
        Effect.sync(() => {
          const began = performance.now()
          kindOf(null, first)
          return performance.now() - began
        })
      )
      expect([start, Effect.runSync(time) < 50]).toEqual([start, true])
    }
  })
})

describe("the encoding", () => {
  const japanese = [0x93, 0xfa, 0x96, 0x7b, 0x8c, 0xea]
  const page = (head: string, body: ReadonlyArray<number>) =>
    bytes(`<html><head>${head}</head><body>`, body, "</body>")
  const late = `<!-- <meta charset=utf-8> --><script>"<meta charset=utf-8>"</script>${"<style>p{}</style>".repeat(2000)}<meta charset=shift_jis>`
  const cases: ReadonlyArray<
    readonly [about: string, body: Uint8Array, label: string | undefined, syntax: Syntax, expected: string]
  > = [
    ["of Content-Type", page("", japanese), "Shift_JIS", "html", "日本語"],
    [
      "of Content-Type before that of the page",
      page("<meta charset=utf-8>", japanese),
      "Shift_JIS",
      "html",
      "日本語"
    ],
    ["of the page", page("<meta charset=shift_jis>", japanese), undefined, "html", "日本語"],
    [
      "of the page in http-equiv",
      page(`<meta content="text/html; charset='shift_jis'" http-equiv=Content-Type>`, japanese),
      undefined,
      "html",
      "日本語"
    ],
    [
      "of the page if that of Content-Type is unknown",
      page("<meta charset=shift_jis>", japanese),
      "no-such",
      "html",
      "日本語"
    ],
    ["declared late, behind comments and scripts", page(late, japanese), undefined, "html", "日本語"],
    [
      "of an XML declaration",
      bytes(`<?xml version="1.0" encoding="Shift_JIS"?><a>`, japanese),
      undefined,
      "xml",
      "日本語"
    ],
    [
      "of an XML declaration in HTML",
      bytes(`<?xml version='1.0' encoding='windows-1251'?><p>`, [0xcf, 0xee]),
      undefined,
      "html",
      "По"
    ],
    [
      "UTF-8, not a declaration, in plain text",
      bytes(`<?xml version="1.0" encoding="Shift_JIS"?>日`),
      undefined,
      "text",
      "日"
    ],
    [
      "UTF-8 instead of a declared UTF-16 in ASCII",
      page("<meta charset=utf-16>", [...encode("日本")]),
      undefined,
      "html",
      "日本"
    ],
    [
      "of a byte order mark before all others",
      bytes([0xef, 0xbb, 0xbf], "日本"),
      "shift_jis",
      "html",
      "日本"
    ],
    ["UTF-16 with a byte order mark", Uint8Array.of(0xff, 0xfe, 0xe5, 0x65), "utf-8", "text", "日"],
    [
      "UTF-16 of markup without a byte order mark",
      Uint8Array.from([..."<a>é"].flatMap((letter) => [letter.charCodeAt(0), 0])),
      undefined,
      "xml",
      "<a>é"
    ],
    ["UTF-8 of undeclared text", page("", [...encode("日本語")]), undefined, "html", "日本語"],
    [
      "UTF-8 of undeclared text with one invalid byte",
      bytes("日本語日本語日本語日本語", [0xff]),
      undefined,
      "text",
      "日本語\ufffd"
    ],
    [
      "Windows-1252 for undeclared text that is not UTF-8",
      page("", [0x93, 0x80, 0x94]),
      undefined,
      "html",
      "“€”"
    ]
  ]
  for (const [about, body, label, syntax, expected] of cases) {
    test(`${about} is used`, () => {
      expect(decode(body, label, syntax).text).toContain(expected)
    })
  }

  test("has a note if it is unknown, missing or wrong", () => {
    expect(decode(encode("x"), "x-mine", "text").notes).toEqual([
      'The declared encoding "x-mine" is unknown and was ignored.'
    ])
    expect(decode(Uint8Array.of(0xe9, 0x20), undefined, "text").notes.join()).toContain("windows-1252")
    expect(decode(Uint8Array.of(0xe9, 0x20), "utf-8", "text").notes).toEqual([
      "1 characters could not be decoded as utf-8 and are shown as U+FFFD."
    ])
    expect(decode(encode("日本"), "utf-8", "text").notes).toEqual([])
  })

  test("decodes any bytes under any label", () => {
    const labels = fc.option(fc.oneof(fc.string(), fc.constantFrom("utf-16le", "gb18030", "big5")), {
      nil: undefined
    })
    const syntaxes = fc.constantFrom<Syntax>("html", "xml", "text")
    fc.assert(
      fc.property(fc.uint8Array(), labels, syntaxes, fc.boolean(), (body, label, syntax, cut) => {
        expect(typeof decode(body, label, syntax, cut).text).toBe("string")
      })
    )
    expect(decode(encode("日本").subarray(0, 5), undefined, "text", true).text).toBe("日")
  })

  test("is parsed from Content-Type", () => {
    expect(charsetOf('text/html; a=b; Charset="x-y"; c')).toBe("x-y")
    expect(charsetOf("text/html;charset=utf-8;charset=x")).toBe("utf-8")
    expect(charsetOf("text/html; xcharset=y")).toBeUndefined()
    expect(charsetOf("text/html")).toBeUndefined()
  })
})

describe("presentable text", () => {
  /** Any UTF-16 code units, including lone surrogates. */
  const units = fc
    .array(fc.oneof(fc.nat(0x7f), fc.integer({ min: 0xd7ff, max: 0xe000 }), fc.nat(0xffff)))
    .map((codes) => String.fromCharCode(...codes))

  test("has no control characters or lone surrogates, and is never longer", () => {
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
    expect(presentable("a\u{e0041}\u{e0042}b", 10).text).toBe("ab")
  })
})

test("credentials in headers are redacted", () => {
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
  const json = headersToJson(received)
  expect(json).not.toContain("-123")
  const shown = JSON.parse(json) as Record<string, string>
  expect(shown).toMatchObject({
    "content-type": "text/html",
    "x-api-key": "[redacted]",
    "x-author": "Ann",
    "set-cookie": "sid=[redacted]; Path=/; HttpOnly, [redacted]"
  })
  expect(shown["x-long"]?.length).toBe(1000)
  const many = new Headers(Array.from({ length: 180 }, (_, index) => [`x-${index}`, "v"] as [string, string]))
  expect(Object.keys(JSON.parse(headersToJson(many)) as object).length).toBe(100)
})
