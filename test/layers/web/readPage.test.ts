/** Pages as Markdown: visible content is kept or named in a note, for any markup. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { readPage } from "../../../layers/web/readPage.ts"
import type { PageJob } from "../../../layers/web/workerMessages.ts"

const url = "https://site.example/docs/page.html"
const read = (html: string, options: Partial<PageJob> = {}) =>
  readPage({
    kind: "page",
    bytes: new TextEncoder().encode(html),
    cut: false,
    url,
    charset: "utf-8",
    xml: false,
    wholePage: false,
    maxChars: 100_000,
    maxElements: 200_000,
    ...options
  })
const markdown = (html: string) => read(html).text

const prose = (words: string) => `<p>${`${words} `.repeat(40)}</p>`

describe("Markdown", () => {
  const cases: ReadonlyArray<readonly [about: string, html: string, expected: string]> = [
    [
      "a link in a heading",
      `<h2>See <a href="/spec">the spec</a></h2>`,
      "## See [the spec](https://site.example/spec)"
    ],
    ["a permalink of a heading", `<h2>Guide<a class="headerlink" href="#guide">¶</a></h2>`, "## Guide"],
    [
      "links that help to move in a browser",
      `<a href="#main">Skip to content</a><h2 id=a>A</h2><a href="#a">§</a>b`,
      "## A\n\nb"
    ],
    ["a place in the page", `<a href="#part">part</a>`, "[part](#part)"],
    [
      "a card in one link",
      `<a href="/c"><h3>Card</h3><p>Its text</p></a>`,
      "### [Card](https://site.example/c)\n\nIts text"
    ],
    [
      "links to scripts and data",
      `<a href="javascript:steal()">a</a> <a href="data:text/html,x">b</a>`,
      "a b"
    ],
    [
      "an address with brackets",
      `<a href="/a_(b)">x</a> <a href="/a)b">y</a>`,
      "[x](https://site.example/a_(b)) [y](https://site.example/a%29b)"
    ],
    [
      "emphasis with spaces",
      `a<b> bold </b>and <i>italic</i>, <del>gone</del>`,
      "a **bold** and *italic*, ~~gone~~"
    ],
    [
      "characters of Markdown",
      "<p># a *b* _c_ d_e 2 * 3 &lt;img onerror=x> &lt; `</p>",
      "\\# a \\*b\\* \\_c\\_ d_e 2 * 3 \\<img onerror=x> < \\`"
    ],
    [
      "numbers with exponents and bases",
      `10<sup>6</sup> 10<sub>2</sub> x<sup>n+1</sup> H<sub>2</sub>O 1<sup>st</sup>`,
      "10^6 10_2 x^(n+1) H2O 1st"
    ],
    [
      "a nested ordered list",
      `<ol start=9><li>a<ol><li>b<li>c</ol><li>d</ol>`,
      "9. a\n   1. b\n   2. c\n10. d"
    ],
    ["a list within a list without an item", `<ul><li>a</li><ul><li>b</li></ul></ul>`, "- a\n  - b"],
    [
      "a task list",
      `<ul><li><input type="checkbox" checked disabled> done<li><label><input type=checkbox> open</label></ul>`,
      "- [x] done\n- [ ] open"
    ],
    [
      "definitions",
      `<dl><dt>term<dd>one<dd>two<div><dt>other<dd>three</div></dl>`,
      "term\n: one\n: two\n\nother\n: three"
    ],
    ["a quotation", `<blockquote><p>a<p>b</blockquote>`, "> a\n> \n> b"],
    [
      "code with its language and without its line numbers",
      `<div class="highlight"><pre class="language-ts"><span class="lineno">1</span>if (a &lt; b) {\n\n}</pre></div>`,
      "```ts\nif (a < b) {\n\n}\n```"
    ],
    ["code with fences in it", "<pre>```\nx\n```</pre>", "````\n```\nx\n```\n````"],
    [
      "code in a line",
      "<code>a`b</code> <code><a href=/f>f()</a></code>",
      "`` a`b `` [`f()`](https://site.example/f)"
    ],
    [
      "a table with a caption and spans",
      `<table><caption>All <a href=/t>figures</a></caption><tr><th>a<th colspan=2>b<tr><td rowspan=2>1|2<td>3<td>4<tr><td>5<td>6</table>`,
      "All [figures](https://site.example/t)\n\n| a | b |  |\n| --- | --- | --- |\n| 1\\|2 | 3 | 4 |\n|  | 5 | 6 |"
    ],
    [
      "blocks in a cell",
      `<table><tr><th>a<th>b<tr><td><p>x<p>y<td><ul><li>1<li>2</ul></table>`,
      "| a | b |\n| --- | --- |\n| x <br>y | 1 <br>2 |"
    ],
    [
      "a table that arranges the page",
      `<table><tr><td><h1>Title</h1><p>text<td>side</table>`,
      "# Title\n\ntext\n\nside"
    ],
    [
      "a figure",
      `<figure><img src="/i.png" alt="a [pier]"><figcaption>By <a href="/me">me</a></figcaption></figure>`,
      "![a \\[pier\\]](https://site.example/i.png)\n\nBy [me](https://site.example/me)"
    ],
    ["a picture in the page itself", `<img alt="a cup" src="data:image/png;base64,AAAA">`, "a cup"],
    [
      "an annotated formula",
      `<math><semantics><mi>x</mi><annotation encoding="application/x-tex">x^2</annotation></semantics></math>`,
      "$x^2$"
    ],
    [
      "a formula",
      `<math><mfrac><mi>a</mi><mrow><mn>2</mn><mi>b</mi></mrow></mfrac><mo>=</mo><msup><mi>x</mi><mn>2</mn></msup></math>`,
      "a/2b=x^2"
    ],
    ["ruby", `<ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>`, "漢字(かんじ)"],
    [
      "frames and media",
      `<iframe src="/f" title="map"></iframe> <video><source src="/v.mp4"></video>`,
      "[map](https://site.example/f) [video](https://site.example/v.mp4)"
    ],
    [
      "labels of a drawing",
      `<svg><style>x{}</style><title>no</title><text>Jan</text><g><text>Feb</text></g></svg>`,
      "Jan Feb"
    ],
    ["details", `<details><summary>More</summary><p>inside</p></details>`, "**More**\n\ninside"],
    [
      "a declarative shadow root",
      `<my-card><template shadowrootmode="open"><p>seen</p></template></my-card><template>unseen</template>`,
      "seen"
    ],
    ["a panel of tabs", `<div role="tabpanel" hidden><p>second tab</p></div>`, "second tab"],
    [
      "tags that are left open, and closed in the wrong order",
      `<div><b>a<p>b</b> c</div><p>d<div>e</i></div>`,
      "a\n\nb c\n\nd\n\ne"
    ],
    ["base", `<base href="/other/"><a href="x">x</a>`, "[x](https://site.example/other/x)"]
  ]
  for (const [about, html, expected] of cases) {
    test(`of ${about}`, () => {
      expect(markdown(html)).toBe(expected)
    })
  }

  test("has no scripts and no hidden text", () => {
    const text = markdown(
      `<title>T</title><script>a</script><style>b</style><!-- c --><p onclick="d()">seen\u{e0041}\u0007</p><p style="x:y; DISPLAY : none">e</p><dialog>f</dialog>`
    )
    expect(text).toBe("seen")
  })
})

describe("content that repeats on every page of a site", () => {
  const page = (body: string) =>
    `<body><header><a href=/>Logo</a><nav><a href=/a>Products</a></nav></header>${body}<footer>Imprint <a href=/i>Privacy</a></footer></body>`

  test("is left out by default, with a note of its size", () => {
    const html = page(
      `<main>${prose("Boats came in.")}</main><div class="sidebar"><a href=/r>Related</a></div>`
    )
    const { notes, text } = read(html)
    for (const word of ["Logo", "Products", "Imprint", "Related"]) expect(text).not.toContain(word)
    expect(notes).toEqual([
      "Left out: page header (12 characters), sidebar (7 characters), page footer (14 characters). Set whole_page to include the visible parts."
    ])
    const whole = read(html, { wholePage: true })
    for (const word of ["Logo", "Products", "Imprint", "Related"]) expect(whole.text).toContain(word)
    expect(whole.notes).toEqual([])
  })

  test("is recognized by its structure, not by words that also name content", () => {
    for (const id of [
      "comments",
      "cookies",
      "navigation",
      "tags",
      "footnotes",
      "sidebar",
      "related",
      "menu"
    ]) {
      expect(
        markdown(page(`<main>${prose("Guide.")}<section id="${id}"><h2>x</h2><p>KEEP</p></section></main>`))
      ).toContain("KEEP")
      expect(
        markdown(page(`${prose("Guide.")}<div class="${id}"><p>KEEP this text here.</p></div>`))
      ).toContain("KEEP")
    }
    for (const aside of ["<aside>", `<aside class="note">`, `<aside role="note">`]) {
      expect(markdown(page(`${prose("Guide.")}${aside}<p>KEEP: mind the gulls.</p></aside>`))).toContain(
        "KEEP"
      )
      expect(
        markdown(
          page(
            `<article>${prose("Guide.")}${aside}<p>KEEP <a href=/g>gulls and more</a></p></aside></article>`
          )
        )
      ).toContain("KEEP")
    }
    expect(
      markdown(page(`<main>${prose("Guide.")}<footer>KEEP <a href=/tags>tags</a></footer></main>`))
    ).toContain("KEEP")
    expect(markdown(`<header><h1>KEEP</h1><a href=/>home</a></header><main>${prose("x")}</main>`)).toContain(
      "KEEP"
    )
    expect(markdown(`<header>${prose("KEEP")}</header><main>${prose("x")}</main>`)).toContain("KEEP")
  })

  test("is kept if the page has nothing else", () => {
    expect(markdown("<nav><ul><li><a href=/a>First</a><li><a href=/b>Second</a></ul></nav>")).toContain(
      "[First](https://site.example/a)"
    )
  })

  test("does not include entries of a list page", () => {
    const entries = Array.from({ length: 30 }, (_, index) => `Teaser ${index}`)
    for (const entry of [
      (text: string) =>
        `<article class="post"><header><h2><a href="/p">${text}</a></h2></header><p>${text}</p></article>`,
      (text: string) => `<div class="card"><a href="/p"><h3>${text}</h3><span>${text}</span></a></div>`,
      (text: string) => `<li><a href="/p">${text}</a></li>`,
      (text: string) => `<tr><td><a href="/p">${text}</a><td>1</tr>`
    ]) {
      const text = markdown(page(`<main><h1>Blog</h1>${entries.map(entry).join("")}</main>`))
      expect(entries.filter((teaser) => !text.includes(teaser))).toEqual([])
      expect(text.split("https://site.example/p").length).toBe(31)
    }
  })
})

describe("a page without its text", () => {
  const notes = (html: string) => read(html).notes.join(" ")

  test("that scripts would render has a note with its description", () => {
    const shell = `<title>App</title><meta name="description" content="Ropes &amp; knots"><div id="root"></div><noscript>You need to enable JavaScript.</noscript><script src="/app.js"></script>`
    expect(notes(shell)).toContain("built by scripts")
    expect(read(shell).text).toContain("enable JavaScript")
    expect(read(shell).text).toContain("Ropes & knots")
    expect(notes(`<p>Hello, this is a small page of words.</p><script src="/count.js"></script>`)).toBe("")
    expect(
      notes(`<div id="root">${prose("rendered on the server")}</div><script src="/app.js"></script>`)
    ).toBe("")
  })

  test("because of a consent form or a bot check has a note", () => {
    const wall = `<div class="cookie-banner"><h1>We value your privacy</h1><p>We and our partners use cookies.</p><button>Accept all</button><a href=/o>Manage options</a></div>`
    expect(notes(wall)).toContain("cookie wall")
    expect(read(wall).text).toContain("partners use cookies")
    expect(notes(`${prose("An article about boats.")}${wall}`)).toContain("cookie notice (67 characters)")
    expect(notes(`<title>Just a moment...</title><p>Checking your browser</p>`)).toContain("bot check")
    expect(notes(`<p>The recipe for cookies.</p>`)).toBe("")
  })

  test("that redirects browsers has the delay and target of the refresh", () => {
    const refresh = (content: string) => read(`<meta http-equiv="Refresh" content="${content}">`).refresh
    expect(refresh("0; url=/x")).toEqual({ seconds: 0, url: "/x" })
    expect(refresh("5;URL='/x y'")).toEqual({ seconds: 5, url: "/x y" })
    expect(refresh("0.5, /x")).toEqual({ seconds: 0, url: "/x" })
    expect(refresh("30")).toBeUndefined()
    expect(refresh("x; url=/x")).toBeUndefined()
    const without = `<noscript><meta http-equiv="refresh" content="0;url=/plain"></noscript>`
    expect(read(without).refresh).toEqual({ seconds: 0, url: "/plain" })
    expect(read(`${without}${prose("much text")}`).refresh).toBeUndefined()
  })
})

describe("no content is lost:", () => {
  const tags = [
    "div",
    "p",
    "span",
    "b",
    "a",
    "ul",
    "li",
    "ol",
    "table",
    "tr",
    "td",
    "th",
    "h1",
    "h2",
    "main",
    "article",
    "section",
    "aside",
    "header",
    "footer",
    "nav",
    "form",
    "label",
    "dl",
    "dt",
    "dd",
    "figure",
    "figcaption",
    "details",
    "summary",
    "blockquote",
    "pre",
    "code",
    "sup",
    "em",
    "x-card"
  ]
  const attributes = [
    "",
    ` class="sidebar"`,
    ` class="menu note"`,
    ` id="cookies"`,
    ` role="navigation"`,
    ` href="/x"`,
    ` role="banner"`
  ]
  let words = 0
  const node = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      fc.constant(0).map(() => ` word${words++}end `),
      fc
        .tuple(
          fc.constantFrom(...tags),
          fc.constantFrom(...attributes),
          fc.array(tie("node"), { maxLength: 5 }),
          fc.boolean()
        )
        .map(
          ([tag, attribute, children, closed]) =>
            `<${tag}${attribute}>${children.join("")}${closed ? `</${tag}>` : ""}`
        )
    )
  })).node
  const page = fc.array(node, { minLength: 1, maxLength: 8 }).map((nodes) => nodes.join(""))
  const wordsOf = (text: string) => [...new Set(text.match(/word\d+end/g))]

  test("every visible word of a whole page is shown", () => {
    fc.assert(
      fc.property(page, (html) => {
        const { text } = read(html, { wholePage: true })
        expect(wordsOf(html).filter((word) => !text.includes(word))).toEqual([])
      }),
      { numRuns: 500 }
    )
  })

  test("omitted content is counted in the notes", () => {
    fc.assert(
      fc.property(page, (html) => {
        const { notes, text } = read(html)
        const missing = wordsOf(html).filter((word) => !text.includes(word))
        const named = [...notes.join(" ").matchAll(/\((\d+) characters\)/g)].reduce(
          (sum, [, chars]) => sum + Number(chars),
          0
        )
        expect(missing.join("").length).toBeLessThanOrEqual(named)
      }),
      { numRuns: 500 }
    )
  })

  test("no bytes make the reader throw", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            "<",
            ">",
            "</",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<a href=",
            '"',
            "'",
            "=",
            "/",
            " ",
            "&amp",
            "&#x0;",
            "&#xd800;",
            "p",
            "table",
            "script",
            "svg",
            "<math>",
            "<td>",
            "</table>",
            "<title",
            "\0",
            "é"
          )
        ),
        fc.boolean(),
        (pieces, xml) => {
          expect(read(pieces.join(""), { xml }).text.isWellFormed()).toBe(true)
        }
      ),
      { numRuns: 1000 }
    )
  })
})

describe("the reader's limits", () => {
  test("in characters and elements are named in notes", () => {
    const html = "<p>words</p>".repeat(5000)
    const short = read(html, { maxChars: 100 })
    expect([short.text.length, short.truncated, short.notes]).toEqual([100, true, []])
    const few = read(html, { maxElements: 1000 })
    expect(few.truncated).toBe(true)
    expect(few.notes.join()).toContain("web.max_elements")
    expect(read("<p>words</p>", { maxChars: 5 })).toMatchObject({ text: "words", truncated: false })
  })

  /** Each input takes a naive parser or pattern the square of its length, or worse. */
  const expensive: Readonly<Record<string, readonly [before: string, repeated: string]>> = {
    "comments without an end": ["", "<!--"],
    "empty comments": ["", "<!---->"],
    "open elements": ["", "<div>"],
    "open formatting": ["", "<b>"],
    "end tags of nothing": ["<b>".repeat(300), "</i></p>"],
    "misnested tags": ["", "<b><p></b></p>"],
    "lists in lists": ["", "<ul><li>a"],
    "tables in tables": ["", "<table><tr><td>a"],
    "spanning cells": ["<table>", "<tr><td colspan=1000 rowspan=60000>a<td>b"],
    quotations: ["", "<blockquote>a"],
    attributes: ["<a ", "a=b "],
    "quotes without an end": ["", "<a b='"],
    "angle brackets": ["", "<"],
    "line breaks": ["", "a<br>"],
    "white space": ["<p>a", " \n"],
    backticks: ["<p>", "`"],
    entities: ["", "&amp"],
    scripts: ["", "<script></script>"],
    meta: ["", "<meta http-equiv=refresh content='                  0'>"]
  }
  const cpu = (html: string) => {
    const before = process.cpuUsage()
    read(html, { maxChars: 20_000 })
    const { system, user } = process.cpuUsage(before)
    return (user + system) / 1000
  }

  for (const [about, [before, repeated]] of Object.entries(expensive)) {
    test(`in time grow linearly with the length of a page of ${about}`, () => {
      const page = (size: number) => before + repeated.repeat(Math.ceil(size / repeated.length))
      const least = (size: number) => Math.min(cpu(page(size)), cpu(page(size)))
      const small = least(200_000)
      // Four times the length: linear is 4, quadratic is 16. The constant allows for noise.
      expect(least(800_000)).toBeLessThan(8 * small + 60)
    })
  }
})
