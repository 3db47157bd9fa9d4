/** Files of decks are in order to the last part, and no text is higher than its place. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { arrange } from "../../../layers/decks/outline/arrange.ts"
import type { Area, Item } from "../../../layers/decks/page/Item.ts"
import { height } from "../../../layers/decks/page/fit.ts"
import { frames } from "../../../layers/decks/page/layouts.ts"
import type { Outline, Slide } from "../../../layers/decks/outline/Outline.ts"
import { draw } from "../../../layers/decks/page/pages.ts"
import { inspect } from "../../../layers/decks/Picture.ts"
import { writeDeck } from "../../../layers/decks/file/writeDeck.ts"
import { builtIn, contrast, faults, palette, type ThemeFile } from "../../../layers/decks/Theme.ts"
import { samples, make } from "../../decks/samples.ts"
import { details } from "../../support/details.ts"
import { violations } from "../../support/openXml.ts"
import { painted, png } from "../../support/png.ts"
import { read } from "../../support/presentation.ts"
import { unzip } from "../../support/zip.ts"

const created = "2026-11-21T08:00:00.000Z"
const light = { name: "light", file: builtIn["light"] as ThemeFile }
const square = inspect(png(painted(20, 20, [])))
if (typeof square === "string") throw new Error(square)
const pictures = new Map([["picture", square]])

const outlineOf = (slides: ReadonlyArray<Slide>): Outline => ({ title: "Title", footer: "Footer", slides })
const file = (slides: ReadonlyArray<Slide>, theme = light) =>
  writeDeck({ outline: outlineOf(slides), theme, pictures, created })

const point = { lead: "Lead", text: "A point & <more>" }
/** A page of each layout. */
const each: ReadonlyArray<Slide> = [
  { layout: "title", headline: "Title", kicker: "Kicker", subtitle: "Subtitle", notes: "Notes & <more>" },
  { layout: "section", headline: "Section", number: 1 },
  {
    layout: "bullets",
    headline: "List",
    points: [
      { ...point, number: 3 },
      { text: "under", level: 1 },
      { text: "deep", level: 2 }
    ]
  },
  {
    layout: "columns",
    headline: "Columns",
    columns: [{ heading: "One", points: [point] }, { points: [point] }]
  },
  ...(["column", "bar", "line", "doughnut"] as const).map((kind) => ({
    layout: "chart" as const,
    headline: `A ${kind} chart`,
    chart: {
      kind,
      labels: ["a", "b & <c>"],
      series: [{ name: "s", values: [1, -2.5] }],
      suffix: '"%',
      highlight: 1
    },
    points: [point]
  })),
  {
    layout: "table",
    headline: "Table",
    columns: ["a", "b"],
    rows: [
      ["x", "1"],
      ["y", "2"]
    ]
  },
  { layout: "quote", headline: "Quote", by: "Somebody" },
  { layout: "figure", headline: "Figure", image: "picture", alt: "A square", points: [point] },
  {
    layout: "numbers",
    headline: "Numbers",
    numbers: [
      { value: "1", label: "one" },
      { value: "2", label: "two" }
    ]
  },
  { layout: "number", headline: "Number", value: "42", kicker: "Kicker" },
  { layout: "statement", headline: "Statement", kicker: "Kicker", text: "Text" },
  { layout: "code", headline: "Code", code: "SELECT *\n  FROM a & b" },
  { layout: "closing", headline: "Closing", points: [point] }
]

describe("a file", () => {
  test("with every layout is in order, with titles, notes, alternative texts and page numbers", async () => {
    for (const theme of [
      light,
      { name: "dark", file: builtIn["dark"] as ThemeFile },
      { ...light, logo: square }
    ]) {
      const { bytes } = await file(each, theme)
      const { problems, slides } = await read(bytes)
      expect(problems).toEqual([])
      expect(await violations(bytes)).toEqual([])
      expect(slides.map(({ title }) => title)).toEqual(each.map(({ headline }) => headline))
      expect(slides[0]?.notes).toEqual(["Notes & <more>"])
      expect(slides[2]?.text).toContain("Lead: A point & <more>")
      expect(slides.filter(({ xml }) => xml.includes('type="sldNum"'))).toHaveLength(each.length - 2)
      expect(slides.filter(({ text }) => text.includes("Footer"))).toHaveLength(each.length - 2)
    }
  }, 180_000)

  test("has no colour and no font but the theme's", async () => {
    const { parts, slides } = await read((await file(each)).bytes)
    const theme = parts.get("ppt/theme/theme1.xml") ?? ""
    expect(theme).toContain('<a:accent1><a:srgbClr val="0B7A75"/></a:accent1>')
    expect(theme).toContain('<a:latin typeface="Calibri"/>')
    for (const { xml } of slides) expect(xml).not.toMatch(/<a:latin typeface="(?!\+m[jn]-lt|Courier New)/)
  })

  test("keeps a chart's numbers in a workbook that is in order too", async () => {
    const { files } = await unzip((await file(each)).bytes)
    const bytes = files.get("ppt/embeddings/Microsoft_Excel_Worksheet1.xlsx") ?? new Uint8Array()
    expect(await violations(bytes, "xlsx")).toEqual([])
    const workbook = await unzip(bytes)
    expect(workbook.problems).toEqual([])
    const part = (name: string) => new TextDecoder().decode(workbook.files.get(name))
    expect(part("xl/worksheets/sheet1.xml")).toContain("<t>b &amp; &lt;c&gt;</t>")
    expect(part("xl/worksheets/sheet1.xml")).toContain('<c r="B3"><v>-2.5</v></c>')
  }, 180_000)

  test("stores a picture once, and is the same for the same outline", async () => {
    const page: Slide = {
      layout: "figure",
      headline: "Figure",
      image: "picture",
      alt: "A square",
      points: []
    }
    const first = (await file([page, page])).bytes
    expect(first).toEqual((await file([page, page])).bytes)
    const { files } = await unzip(first)
    expect([...files.keys()].filter((name) => name.startsWith("ppt/media/"))).toEqual([
      "ppt/media/image1.png"
    ])
  })

  test("of any details is in order", async () => {
    await fc.assert(
      fc.asyncProperty(details, fc.integer({ min: 1, max: 12 }), async (given, slides) => {
        const { outline } = arrange(
          {
            client: "Acme",
            project: "Q3",
            type: "Result",
            details: given,
            slides
          },
          "Calibri"
        )
        if (outline.slides.length === 0) return
        const { problems } = await read((await writeDeck({ outline, theme: light, pictures, created })).bytes)
        expect(problems.filter((problem) => !problem.endsWith("no title"))).toEqual([])
      }),
      { numRuns: 40 }
    )
  }, 60_000)
})

const overflowing = (
  items: ReadonlyArray<Item>,
  layout: ReadonlyArray<Item>,
  fonts: { head: string; body: string }
) =>
  items.flatMap((item) => {
    if (item.kind !== "text") return []
    const place = layout.find(
      (other) =>
        other.kind === "text" &&
        other.placeholder?.type === item.placeholder?.type &&
        other.placeholder?.index === item.placeholder?.index &&
        item.placeholder !== undefined
    )
    const frame = place?.kind === "text" ? place : undefined
    const area: Area | undefined = item.area ?? frame?.area
    if (area === undefined) return [`${item.name} has no place`]
    const face = item.font ?? frame?.font ?? "body"
    const font = face === "mono" ? "Courier New" : fonts[face]
    const bold = frame?.style?.bold ?? false
    const needs = height(
      item.paragraphs.map((paragraph) => ({ bold, ...paragraph })),
      area.w * 72,
      font
    )
    return needs > area.h * 72 + 0.5 ? [`${item.name}: ${needs} > ${area.h * 72}`] : []
  })

test("no text is higher than its place, whatever the details are", () => {
  fc.assert(
    fc.property(
      details,
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom(...samples),
      (given, slides, { theme }) => {
        const colors = palette(theme.file)
        const { layouts } = frames(colors)
        const { outline } = arrange(
          {
            client: "Acme",
            project: "Q3 ".repeat(given.length * 3),
            type: "Result",
            details: given,
            slides
          },
          colors.fonts.body
        )
        for (const slide of outline.slides) {
          const { texts } = layouts[slide.layout]
          const stage = { palette: colors, pictures, texts, cut: () => {} }
          const over = overflowing(draw(stage, slide), layouts[slide.layout].items, colors.fonts)
          if (over.length > 0)
            throw new Error(`${slide.layout} ${over.join()} ${JSON.stringify(slide).slice(0, 300)}`)
        }
      }
    ),
    { numRuns: 150 }
  )
}, 60_000)

test("text that does not fit is reported, and is complete in the notes", async () => {
  const points = Array.from({ length: 60 }, (_, index) => ({
    text: `point ${index} ${"word ".repeat(30)}`.trim()
  }))
  const { bytes, cut } = await file([{ layout: "bullets", headline: "Many", points }])
  expect(cut).toEqual([1])
  const { slides } = await read(bytes)
  expect(slides[0]?.text.join(" ")).not.toContain("point 59")
  expect(slides[0]?.notes.join(" ")).toContain("point 59")
})

describe("a theme", () => {
  test("that comes with the program can be read", () => {
    for (const [name, theme] of Object.entries(builtIn)) expect([name, faults(theme)]).toEqual([name, []])
  })

  test("has every text in a contrast that can be read", () => {
    for (const { theme } of samples) {
      const colors = palette(theme.file)
      const hex: Record<string, string> = {
        bg1: colors.colors.background,
        tx1: colors.colors.ink,
        bg2: colors.colors.surface,
        tx2: colors.colors.muted
      }
      const of = (color: string) =>
        hex[color] ?? (color === "accent1" ? colors.colors.accent.replace("#", "") : color)
      const ratio = (front: string, back: string) => contrast(of(front), of(back))
      expect(ratio(colors.onHero, colors.hero)).toBeGreaterThan(7)
      expect(ratio(colors.onHeroMuted, colors.hero)).toBeGreaterThan(4.5)
      expect(ratio(colors.onHeroAccent, colors.hero)).toBeGreaterThan(3)
      expect(ratio(colors.onAccent, colors.accent)).toBeGreaterThan(4.5)
      expect(ratio(colors.onAccentMuted, colors.accent)).toBeGreaterThan(3)
    }
  })

  test("that cannot be read says why", () => {
    const theme = { ...light.file, colors: { ...light.file.colors, ink: "999999" } }
    expect(faults(theme)).toEqual([
      "ink on background has a contrast of 2.8, and needs 4.5",
      "ink on surface has a contrast of 2.6, and needs 4.5"
    ])
  })
})

test("the samples are those that the documentation shows", async () => {
  for (const sample of samples) {
    const { arranged, rendered } = await make(sample)
    expect(arranged.remarks).toEqual([])
    expect(arranged.outline.slides.length).toBe(sample.request.slides ?? 0)
    expect((await read(rendered.bytes)).problems).toEqual([])
    const kept = Bun.file(new URL(`../../../docs/decks/${sample.name}.pptx`, import.meta.url))
    expect(kept.size).toBeLessThan(200 * 1024)
    // Compressed bytes may differ between versions of Bun; what is in them may not.
    const [fresh, shown] = await Promise.all([
      unzip(rendered.bytes),
      unzip(new Uint8Array(await kept.arrayBuffer()))
    ])
    expect([...fresh.files.keys()]).toEqual([...shown.files.keys()])
    for (const [name, data] of fresh.files) {
      if (name.endsWith(".xml"))
        expect([name, new TextDecoder().decode(data)]).toEqual([
          name,
          new TextDecoder().decode(shown.files.get(name))
        ])
    }
  }
})
