/** Rules turn details into slides: nothing is lost, nothing is invented, and no line covers another that it does not head. */
import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import fc from "fast-check"
import { arrange, type Request } from "../../../layers/decks/outline/arrange.ts"
import type { Detail } from "../../../layers/decks/outline/Detail.ts"
import { Outline, type Slide, type SlideOf } from "../../../layers/decks/outline/Outline.ts"
import { textsOf } from "../../../layers/decks/outline/plainText.ts"
import { details } from "../../support/details.ts"

const arranged = (given: ReadonlyArray<Detail>, slides: number, more: Partial<Request> = {}) =>
  arrange({ client: "Acme", project: "Q3", type: "Highlight", details: given, slides, ...more }, "Calibri")
const slidesOf = (given: ReadonlyArray<Detail>, slides: number, more?: Partial<Request>) =>
  arranged(given, slides, more).outline.slides
const shown = (given: ReadonlyArray<Detail>, slides: number, more?: Partial<Request>) =>
  slidesOf(given, slides, more).map(({ headline, layout }) => `${layout}: ${headline}`)
const charts = (slides: ReadonlyArray<Slide>) =>
  slides.filter((slide): slide is SlideOf<"chart"> => slide.layout === "chart").map(({ chart }) => chart)

const highlights = ["Market share +3%", "Beta launched", "4 enterprise wins"]

describe("the number of slides", () => {
  test("is reached by an overview and a slide for each line", () => {
    expect(shown(highlights, 5)).toEqual([
      "title: Q3",
      "bullets: Q3",
      "statement: Market share +3%",
      "statement: Beta launched",
      "statement: 4 enterprise wins"
    ])
    expect(shown(highlights, 1)).toEqual(["bullets: Q3"])
    expect(shown(highlights, 2)).toEqual(["title: Q3", "bullets: Q3"])
  })

  test("is smaller, with a note, where more slides would be empty", () => {
    const { outline, remarks } = arranged(highlights, 9)
    expect(outline.slides).toHaveLength(5)
    expect(remarks).toHaveLength(1)
    expect(remarks[0]).toContain("enough for 5 slides, not for 9")
  })

  test("is kept by joining lists, and what has no place is in the notes of the last slide", () => {
    const quotes = ["one", "two", "three", "four"].map((quote) => ({ quote, by: "A" }))
    const { outline, remarks } = arranged(quotes, 3)
    expect(outline.slides.map(({ layout }) => layout)).toEqual(["title", "quote", "quote"])
    for (const text of ["three", "four"]) expect(outline.slides[2]?.notes).toContain(text)
    expect(remarks[0]).toContain("2 topics")
    const lists = ["## One", "- a", "## Two", "- b", "## Three", "- c"]
    for (const count of [1, 2, 3, 4]) expect(slidesOf(lists, count)).toHaveLength(count)
  })

  test("is kept for 10,000 lines, each on a slide", () => {
    const given = Array.from({ length: 10_000 }, (_, index) => `Line ${index} of many`)
    const slides = slidesOf(given, 60)
    expect(slides).toHaveLength(60)
    const all = textsOf(slides).join("\n")
    for (const index of [0, 4999, 9999]) expect(all).toContain(`Line ${index} of many`)
  }, 30_000)
})

describe("a headline", () => {
  test("is the heading above the lines, numbered on several slides", () => {
    const points = Array.from({ length: 14 }, (_, index) => `- point ${index}`)
    expect(shown(["## Topic", ...points], 4).slice(1)).toEqual([
      "bullets: Topic (1/3)",
      "bullets: Topic (2/3)",
      "bullets: Topic (3/3)"
    ])
    expect(shown(["Plan:", "- one", "- two"], 2)[1]).toBe("bullets: Plan")
    expect(shown(["## Plan", "### Autumn", "- one", "- two"], 2)[1]).toBe("bullets: Plan: Autumn")
    expect(shown(["What people like", "- one", "- two"], 2)[1]).toBe("bullets: What people like")
  })

  test("is numbered on the parts of one slide, and not on different slides under one heading", () => {
    const status = ["## Status", "- a", "- b", "| c | d |", "|---|---|", "| 1 | 2 |"]
    expect(shown([...status, "", "| e | f |", "|---|---|", "| 3 | 4 |"], 4).slice(1)).toEqual([
      "bullets: Status",
      "table: Status",
      "table: Status"
    ])
    const columns = Array.from({ length: 12 }, (_, index) => `Incomprehensibilities${index}`)
    const wide = shown([{ table: { columns, rows: [columns] }, title: "Wide" }], 9).slice(1)
    expect(wide[0]).toBe(`table: Wide (1/${wide.length})`)
  })

  test("is the project's name where nothing heads the lines, whatever they say", () => {
    expect(
      shown(["Cloud cost grew 38%", "Idle clusters cause $1.1m of it", "It takes two sprints"], 1)
    ).toEqual(["bullets: Q3"])
    expect(shown(["Everything is fine.", "- one", "- two"], 1)).toEqual(["bullets: Q3"])
  })

  test("is the first sentence of a paragraph on its own", () => {
    const paragraph = `Costs look fine. ${"We have spent less than we planned in each of the months. ".repeat(4)}`
    expect(shown([paragraph], 2)[1]).toBe("bullets: Costs look fine")
  })

  test("of data is its title, under the heading directly above it", () => {
    const chart = { labels: ["a"], series: [{ name: "s", values: [1] }] }
    expect(shown(["## Noise", { chart, title: "Level" }, { chart, title: "Trend" }], 3).slice(1)).toEqual([
      "chart: Noise: Level",
      "chart: Trend"
    ])
    expect(shown([{ chart }], 1)).toEqual(["chart: s"])
  })
})

describe("findings of customers", () => {
  test("a list item does not head the numbers after it", () => {
    const given = [
      "Summary:",
      "- Net promoter score up from 31 to 44",
      "On-time delivery: Apr 92.1%, May 93.0%, Jun 93.8%"
    ]
    expect(shown(given, 3)).toEqual(["title: Q3", "statement: Summary", "chart: On-time delivery"])
    expect(shown(["Revenue grew", "Q1: 12%", "Q2: 14%", "Q3: 19%"], 3).slice(1)).toEqual([
      "statement: Revenue grew",
      "chart: Q3"
    ])
  })

  test("a missing value is a gap", () => {
    const given = [
      {
        chart: {
          labels: ["Q1", "Q2", "Q3"],
          series: [
            { name: "Plan", values: [1, 2, 3] },
            { name: "Actual", values: [1, null] }
          ]
        },
        title: "Spend"
      }
    ]
    const [slide] = slidesOf(given, 1)
    expect(slide?.headline).toBe("Spend")
    expect(charts([slide] as ReadonlyArray<Slide>)[0]?.series[1]?.values).toEqual([1, null, null])
  })

  test("clock times are a timetable", () => {
    const given = ["09:00 Doors open, coffee", "09:30 Welcome by Anna", "10:45 Break"]
    expect(slidesOf(given, 1)).toEqual([
      {
        layout: "bullets",
        headline: "Q3",
        points: [
          { lead: "09:00", text: "Doors open, coffee" },
          { lead: "09:30", text: "Welcome by Anna" },
          { lead: "10:45", text: "Break" }
        ]
      }
    ])
  })

  test("a headline compares nothing", () => {
    const chart = {
      labels: ["2025", "2030"],
      series: [
        { name: "Income", values: [612, 810] },
        { name: "Costs", values: [416, 413] }
      ]
    }
    expect(shown([{ chart, title: "Income and costs" }], 1)).toEqual(["chart: Income and costs"])
    const slides = slidesOf(["Cost-income ratio:", "Erste: 52%", "Meridian: 68%", "Nordbank: 49%"], 1)
    expect(slides[0]).toMatchObject({ headline: "Cost-income ratio", points: [] })
    expect(charts(slides)[0]?.highlight).toBeUndefined()
  })

  test("other languages get no word of another", () => {
    const cases = [
      ["主要风险：", "- 供应链成本上升", "- 海外合规要求趋严", "营收：Q1 1.2亿, Q2 1.5亿, Q3 1.9亿"],
      ["المخاطر:", "- ارتفاع تكاليف الشحن", "- نقص الموظفين", "الخطوات:", "- توقيع عقد الإيجار"],
      ["Ce qui a bien marché :", "- Les ventes", "- La certification", "Priorités :", "- Recruter"]
    ]
    for (const given of cases) {
      const slides = slidesOf(given, 9, { client: "株", project: "計画", type: "提案" })
      const source = [...given, "株", "計画", "提案"].join(" ")
      const words = textsOf(slides).flatMap((text) => text.match(/\p{L}+/gu) ?? [])
      expect(words.filter((word) => !source.includes(word))).toEqual([])
    }
    expect(shown(cases[0] ?? [], 9).slice(1)).toEqual(
      ["bullets: Q3", "bullets: 主要风险", "chart: 营收"].slice(1)
    )
  })

  test("an abbreviation does not end a sentence", () => {
    const line = `Die Fördermittel nach BEW (12,4 Mio. €) sind bewilligt, und ca. 3 Mrd. Euro folgen; ${"mehr dazu ".repeat(12)}z. B. im Mai.`
    expect(textsOf(slidesOf([line], 2)).join()).toContain(line.slice(0, 100))
  })

  test("numbers are read as they are written", () => {
    const [first, second] = charts(
      slidesOf(
        [
          "Der Umsatz ist für das Jahr und mit den Kosten:",
          "Nord: 1.234 €",
          "Süd: 12.345 €",
          "Ost: (9.876 €)",
          "Revenue: FY23 $412.5m, FY24 $438.1m, FY25 -$401.9m"
        ],
        4
      )
    )
    expect(first?.series[0]?.values).toEqual([1234, 12_345, -9876])
    expect([second?.prefix, second?.suffix, second?.series[0]?.values]).toEqual([
      "$",
      "m",
      [412.5, 438.1, -401.9]
    ])
  })

  test("dates, years, ratios and unlike facts are no chart and no large number", () => {
    const cases = [
      ["Deadlines: Oct 12, Nov 3, Dec 1"],
      ["Founded: 1999", "Offices: 12", "Employees: 340"],
      ["Won: 3:2", "Open: 7 of 12", "Range: 6 to 8%"],
      ["Start: 12 May", "End: 15 Oct", "Review: 9:30"],
      ["Net income:", "Q1: (1,234)", "Q2: n/a", "Q3: 500"]
    ]
    for (const given of cases)
      for (const { layout } of slidesOf(given, 5)) expect(layout).not.toMatch(/chart|number/)
  })
})

describe("Markdown", () => {
  test("keeps code as it is, and ends a quote at its last line", () => {
    const given =
      "## Example\n```sql\nSELECT *\n  FROM a -- `b`\n```\n> Ask early.\n> Ask often.\n> — Our CTO\n\n---\n\n- [x] done\n- [ ] open"
    expect(slidesOf([given], 4).slice(1)).toEqual([
      { layout: "code", headline: "Example", code: "SELECT *\n  FROM a -- `b`" },
      { layout: "quote", headline: "Ask early. Ask often.", by: "Our CTO", kicker: "Example" },
      { layout: "bullets", headline: "Q3", points: [{ text: "☑ done" }, { text: "☐ open" }] }
    ])
  })

  test("keeps levels and numbers of lists", () => {
    const given = "## Week\n1. Set up\n   - Install\n     - run it\n2. Meet\n\n3. Ship"
    expect(slidesOf([given], 2)[1]).toMatchObject({
      points: [
        { text: "Set up", number: 1 },
        { text: "Install", level: 1 },
        { text: "run it", level: 2 },
        { text: "Meet", number: 2 },
        { text: "Ship", number: 3 }
      ]
    })
  })

  test("is read in lines; addresses and struck text are in the notes", () => {
    const [slide] = slidesOf(
      [
        "## **Key** wins",
        "- Read [the report](https://a.test/q3) *today*",
        "- ~~Estimated~~ 2 * 3 `COUNT(*)` snake_case"
      ],
      1
    )
    expect(slide).toMatchObject({
      headline: "Key wins",
      points: [{ text: "Read the report today" }, { text: "2 * 3 COUNT(*) snake_case" }],
      notes: "the report: https://a.test/q3\nEstimated"
    })
  })

  test("marks within words and numbers, HTML and a line above dashes are plain text", () => {
    const given = ["2*3*4", "~5 to ~8", "a < b <i>c</i>", "Costs", "---", "[x]: y"]
    const all = textsOf(slidesOf(given, 6))
    for (const text of given) if (text !== "---") expect(all.join("\n")).toContain(text)
  })

  test("a line without a mark ends a list and a quote", () => {
    expect(slidesOf(["## Plan", "> Ask.", "Then go", "- a", "Last"], 3).slice(1)).toMatchObject([
      { layout: "quote", headline: "Ask.", kicker: "Plan" },
      { layout: "bullets", points: [{ text: "Then go" }, { text: "a", level: 1 }, { text: "Last" }] }
    ])
  })

  test("bullets of several kinds are one list", () => {
    expect(slidesOf(["## Plan", "Next: hire", "- a", "* b", "• c"], 2)[1]).toMatchObject({
      points: [{ lead: "Next" }, { text: "a", level: 1 }, { text: "b", level: 1 }, { text: "c", level: 1 }]
    })
  })

  test("thousands of levels are a few", () => {
    const given = ["- ".repeat(9000) + "list", "> ".repeat(9000) + "quote", "1. ".repeat(6000) + "number"]
    const all = textsOf(slidesOf(given, 4)).join("\n")
    for (const word of ["list", "quote", "number"]) expect(all).toContain(word)
  })

  test("markers with nothing behind them are no points", () => {
    expect(textsOf(slidesOf(["- ", "-", "•", "1.", "##", ">", "A point", "Another"], 2))).toEqual([
      "Q3",
      "Acme",
      "Q3",
      "A point",
      "Another"
    ])
  })

  test("sections divide, and a title alone above the details is the subtitle", () => {
    expect(shown(["# One", "a", "# Two", "b"], 6).filter((each) => each.startsWith("section"))).toHaveLength(
      2
    )
    expect(slidesOf(["# The year", "a", "b"], 3)[0]).toMatchObject({ layout: "title", subtitle: "The year" })
  })

  test("tables have the heading above them; sheets with tabs are tables", () => {
    expect(slidesOf(["Plan:", "| Item | Owner |", "|---|---|", "| Rollout | Ana |"], 2)[1]).toEqual({
      layout: "table",
      headline: "Plan",
      columns: ["Item", "Owner"],
      rows: [["Rollout", "Ana"]]
    })
    expect(slidesOf(["a\tb", "1\t2", "3\t4"], 1)[0]).toMatchObject({ layout: "table", columns: ["a", "b"] })
  })
})

const letters = (text: string) => text.normalize("NFC").match(/[\p{L}\p{N}]+/gu) ?? []

test("any details fill at most the slides asked for; every word is shown or in the notes, and every word is the caller's", () => {
  fc.assert(
    fc.property(details, fc.integer({ min: 1, max: 30 }), (given, slides) => {
      const { outline, remarks } = arranged(given, slides)
      expect(outline.slides.length).toBeLessThanOrEqual(slides)
      Schema.encodeUnknownSync(Outline)(outline)
      if (outline.slides.length < slides) expect(remarks.length).toBeGreaterThan(0)
      const all = textsOf(outline.slides).join(" ")
      for (const detail of given) {
        if (typeof detail !== "string") continue
        const word = /growth|team|Überblick|m{50}/u.exec(detail)?.[0]
        if (word !== undefined) expect(all).toContain(word)
      }
      const source =
        `${JSON.stringify(given)} ${textsOf(given).join(" ")} Acme Q3 Highlight Agenda`.normalize("NFC")
      const own = letters(all).filter((word) => !source.includes(word) && !/^\d+$/u.test(word))
      expect(own).toEqual([])
    }),
    { numRuns: 200 }
  )
}, 60_000)

describe("an outline that a caller may send again is made of", () => {
  const cases: Readonly<Record<string, ReadonlyArray<Detail>>> = {
    "more numbers than a slide has": [
      { numbers: Array.from({ length: 24 }, (_, index) => ({ value: index, label: `n${index}` })) }
    ],
    "more lines than a slide has": Array.from({ length: 5000 }, (_, index) => `line ${index}`),
    "long headings": [`## ${"a".repeat(15_000)}`, `### ${"b".repeat(15_000)}`, "- a"],
    "a long source of a quote": [{ quote: "q", by: "b".repeat(5000) }],
    "many columns": [`|${"a|".repeat(22)}`, `|${"-|".repeat(22)}`, `|${"1|".repeat(22)}`],
    "long code": ["```", ...Array.from({ length: 9000 }, () => "SELECT 1"), "```"]
  }
  for (const [name, given] of Object.entries(cases))
    test(name, () => {
      const { outline } = arranged(given, 2)
      expect(() => Schema.encodeUnknownSync(Outline)(outline)).not.toThrow()
    })

  test("numbers, all of which are shown", () => {
    expect(textsOf(slidesOf(cases["more numbers than a slide has"] ?? [], 2))).toContain("n23")
  })
})

test("no value of a chart is one that was not given", () => {
  const value = fc.option(fc.integer({ min: 1, max: 1000 }), { nil: null })
  const chart = fc
    .tuple(
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.array(value, { maxLength: 8 }), { minLength: 1, maxLength: 4 })
    )
    .map(([count, all]) => ({
      chart: {
        labels: Array.from({ length: count }, (_, index) => `L${index}`),
        series: all.map((values, index) => ({ name: `S${index}`, values }))
      }
    }))
  fc.assert(
    fc.property(chart, (given) => {
      const [drawn] = charts(slidesOf([given], 1))
      for (const [index, { values }] of (drawn?.series ?? []).entries())
        for (const [at, each] of values.entries())
          expect(each).toBe(given.chart.series[index]?.values[at] ?? null)
    }),
    { numRuns: 100 }
  )
})
