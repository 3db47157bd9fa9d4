/** Files of decks when people edit them in Office, search them or use a screen reader. */
import { describe, expect, test } from "bun:test"
import { writeDeck } from "../../../layers/decks/file/writeDeck.ts"
import type { Outline, Slide } from "../../../layers/decks/outline/Outline.ts"
import { builtIn, type ThemeFile } from "../../../layers/decks/Theme.ts"
import { violations } from "../../support/openXml.ts"
import { read } from "../../support/presentation.ts"
import { unzip } from "../../support/zip.ts"

const created = "2026-11-21T08:00:00.000Z"
const write = async (slides: ReadonlyArray<Slide>) => {
  const outline: Outline = { title: "Title", footer: "Footer", slides }
  const theme = { name: "light", file: builtIn["light"] as ThemeFile }
  const { bytes } = await writeDeck({ outline, theme, pictures: new Map(), created })
  const deck = await read(bytes)
  expect(deck.problems).toEqual([])
  return { ...deck, bytes, part: (name: string) => deck.parts.get(name) ?? "" }
}
const list = (headline: string, ...texts: ReadonlyArray<string>): Slide => ({
  layout: "bullets",
  headline,
  points: texts.map((text) => ({ text }))
})
const chart = (values: ReadonlyArray<number | null>): Slide => ({
  layout: "chart",
  headline: "A chart",
  // A missing value is null.
  chart: {
    kind: "line",
    labels: values.map((_, index) => `Q${index + 1}`),
    series: [{ name: "s", values: values as ReadonlyArray<number> }]
  },
  points: []
})
const languages = (xml: string) => [...xml.matchAll(/<a:rPr lang="([^"]+)"/g)].map(([, language]) => language)

describe("a run of text has the language of", () => {
  test("the deck", async () => {
    const german = await write([list("Die Kosten sind im Plan", "Der Umsatz ist mit den Kunden gewachsen")])
    expect(new Set(languages(german.slides[0]?.xml ?? ""))).toEqual(new Set(["de-DE"]))
    const english = await write([list("The costs are on plan", "Revenue grew with the customers")])
    expect(new Set(languages(english.slides[0]?.xml ?? ""))).toEqual(new Set(["en-US"]))
    const unknown = await write([list("Los costes suben", "Las ventas crecen")])
    expect(languages(unknown.slides[0]?.xml ?? "")).toEqual([])
  })

  test("its script, where that is another one", async () => {
    const { slides } = await write([
      list("Offices of the group", "東京の事務所", "В Москве", "서울"),
      list("Results of the year", "Revenue grew with the customers and is on plan for the third quarter")
    ])
    expect(languages(slides[0]?.xml ?? "").slice(0, 4)).toEqual(["en-US", "ja-JP", "ru-RU", "ko-KR"])
  })
})

test("new slides with a list have bullets, of the layout and of the slide master", async () => {
  const { part, parts } = await write([list("List", "a point")])
  const layout = [...parts.values()].find((xml) => xml.includes('<p:cSld name="Headline and list"')) ?? ""
  expect(layout).toMatch(
    /<p:ph type="body" idx="1"\/>.*?<a:lvl1pPr[^>]*>.*?<a:buChar char="(?:▪|&#x25AA;)"\/>/
  )
  const styles = /<p:bodyStyle>.*<\/p:bodyStyle>/.exec(part("ppt/slideMasters/slideMaster1.xml"))?.[0] ?? ""
  expect(styles.match(/<a:buChar/g)).toHaveLength(9)
  expect(styles).not.toContain("<a:buNone/>")
})

test("a missing value is an empty point and an empty cell, and zero is zero", async () => {
  const { bytes, part } = await write([chart([3, null, 0, 4.5])])
  const values = /<c:val>.*?<\/c:val>/.exec(part("ppt/charts/chart1.xml"))?.[0] ?? ""
  expect([...values.matchAll(/<c:pt idx="(\d)"><c:v>([^<]*)</g)].map(([, at, value]) => [at, value])).toEqual(
    [
      ["0", "3"],
      ["2", "0"],
      ["3", "4.5"]
    ]
  )
  expect(values).toContain('<c:ptCount val="4"/>')
  const { files } = await unzip(bytes)
  const workbook = files.get("ppt/embeddings/Microsoft_Excel_Worksheet1.xlsx") ?? new Uint8Array()
  const sheet = new TextDecoder().decode((await unzip(workbook)).files.get("xl/worksheets/sheet1.xml"))
  expect(sheet).not.toContain('r="B3"')
  expect(sheet).toContain('<c r="B4"><v>0</v></c>')
  expect(await violations(bytes)).toEqual([])
}, 120_000)

test("page numbers are text on slides, and fields on layouts", async () => {
  const { part, slides } = await write([list("One", "a"), list("Two", "b")])
  expect(slides.map(({ text }) => text.at(-1))).toEqual(["1", "2"])
  expect(slides[1]?.xml).toMatch(/<a:fld id="[^"]+" type="slidenum">.*?<a:t>2<\/a:t><\/a:fld>/)
  expect(part("ppt/slideMasters/slideMaster1.xml")).toContain("<a:t>‹#›</a:t>")
})

test("a right-to-left deck is mirrored: places, paragraphs, tables, and numbers as they are", async () => {
  const { part, slides } = await write([
    list("מצב החברה", "לקוחות חדשים"),
    { layout: "table", headline: "אתרים", columns: ["אתר", "עלות"], rows: [["חיפה", "12"]] },
    { layout: "number", headline: "צמיחה ברבעון", value: "+64%" }
  ])
  expect(part("ppt/presentation.xml")).toContain('rtl="1"')
  expect(slides[0]?.xml).toMatch(/<a:pPr rtl="1" algn="r"[^>]*>(?:(?!<\/a:p>).)*לקוחות חדשים/)
  expect(slides[1]?.xml).toContain('<a:tblPr rtl="1" firstRow="1"/>')
  expect(slides[2]?.xml).not.toMatch(/<a:pPr rtl="1"(?:(?!<\/a:p>).)*\+64%/)
  const ltr = await write([list("State of the company", "New customers")])
  const panel = (layout: string) => /name="Decoration".*?<a:off x="(\d+)"/.exec(layout)?.[1]
  const first = (parts: ReadonlyMap<string, string>) =>
    [...parts.values()].find((xml) => xml.includes('<p:cSld name="Headline and list"')) ?? ""
  expect(panel(first(ltr.parts))).toBe("0")
  expect(Number(panel(first((await write([list("מצב החברה", "חדש")])).parts)))).toBeGreaterThan(6_000_000)
})

test("the same outline makes the same bytes, with the given time, whatever was made before", async () => {
  const slides = [chart([1, 2]), list("List", "a point")]
  const first = await write(slides)
  await write([chart([5, 6, 7])])
  expect((await write(slides)).bytes).toEqual(first.bytes)
  expect(first.part("docProps/core.xml").match(/2026-11-21T08:00:00.000Z/g)).toHaveLength(2)
})
