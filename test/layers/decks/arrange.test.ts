/** Details become as many pages as asked for, or fewer with a reason; nothing that was said is lost. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { arrange, type Request } from "../../../layers/decks/arrange.ts"
import type { Detail } from "../../../layers/decks/Detail.ts"
import type { Slide } from "../../../layers/decks/Outline.ts"
import { clean } from "../../../layers/decks/lines.ts"
import { details } from "../../support/details.ts"

const request = (given: ReadonlyArray<Detail>, slides: number, more: Partial<Request> = {}): Request => ({
  client: "Acme",
  project: "Q3",
  type: "Highlight",
  details: given,
  slides,
  brief: "",
  ...more
})
const arranged = (given: ReadonlyArray<Detail>, slides: number, more?: Partial<Request>) =>
  arrange(request(given, slides, more), "Calibri")
const shown = (given: ReadonlyArray<Detail>, slides: number) =>
  arranged(given, slides).outline.slides.map(({ headline, layout }) => `${layout}: ${headline}`)

const highlights = ["Market share +3%", "Beta launched", "4 enterprise wins"]

describe("three lines", () => {
  test("are a page each of five, with a title and a closing", () => {
    expect(shown(highlights, 5)).toEqual([
      "title: Q3",
      "number: Market share +3%",
      "statement: Beta launched",
      "number: 4 enterprise wins",
      "closing: Thank you"
    ])
  })

  test("stand on one page of one, two or three", () => {
    expect(shown(highlights, 1)).toEqual(["bullets: Market share +3%"])
    expect(shown(highlights, 2)).toEqual(["title: Q3", "bullets: Market share +3%"])
    expect(shown(highlights, 3)).toEqual(["title: Q3", "bullets: Market share +3%", "closing: Thank you"])
  })

  test("have an agenda on six, and are not enough for seven", () => {
    expect(shown(highlights, 6)[1]).toBe("bullets: Agenda")
    const { outline, remarks } = arranged(highlights, 7)
    expect(outline.slides).toHaveLength(6)
    expect(remarks).toEqual([
      "The details are enough for 6 slides and not for 7; more would be empty. Give more details to have more."
    ])
  })
})

test("the brief tells what the deck is about, and stands in the notes, not on a page", () => {
  const brief = "Client-facing deck focusing on achievements and next steps. Be brave."
  const [first] = arranged(highlights, 5, { brief }).outline.slides
  expect(first).toMatchObject({ layout: "title", kicker: "Acme", subtitle: "Achievements and next steps" })
  expect(first?.notes).toContain(brief)
  expect(arranged(highlights, 5).outline.slides[0]).toMatchObject({ subtitle: "Highlights" })
})

describe("headlines", () => {
  const headline = (...given: ReadonlyArray<Detail>) => arranged(given, 1).outline.slides[0]?.headline

  test("say what the numbers say", () => {
    expect(headline("Revenue:", "Q1: 10", "Q2: 14", "Q3: 22")).toBe(
      "Revenue rose 120% to 22 between Q1 and Q3"
    )
    expect(headline("Share:", "2024: 10%", "2025: 14%", "2026: 12%")).toBe(
      "Share rose from 10% to 12% between 2024 and 2026"
    )
    expect(headline("Sales:", "EMEA: $4m", "APAC: $6m", "LATAM: $1m")).toBe("Sales: APAC leads with $6m")
    expect(headline("Cost:", "Labour: 60%", "Energy: 30%", "Other: 10%")).toBe("Labour makes up 60% of cost")
    expect(
      headline({
        chart: {
          labels: ["Q1", "Q2"],
          series: [
            { name: "Plan", values: [10, 10] },
            { name: "Actual", values: [11, 14] }
          ]
        }
      })
    ).toBe("Actual is 25% ahead of Plan")
  })

  test("are what was given as a title, if it says something", () => {
    const chart = { labels: ["Q1", "Q2"], series: [{ name: "", values: [10, 20] }] }
    expect(headline({ chart, title: "We doubled revenue in half a year" })).toBe(
      "We doubled revenue in half a year"
    )
    expect(headline({ chart, title: "Revenue" })).toBe("Revenue rose 100% to 20 between Q1 and Q2")
  })
})

test("a topic of several pages says on each which it is", () => {
  const points = Array.from({ length: 14 }, (_, index) => `- point ${index}`)
  expect(shown(["Topic", ...points], 5).slice(1, 4)).toEqual([
    "bullets: Topic (1/3)",
    "bullets: Topic (2/3)",
    "bullets: Topic (3/3)"
  ])
})

test("more than fits is joined, crowded, and at last told in the notes", () => {
  const { outline, remarks } = arranged(
    [
      { quote: "one", by: "A" },
      { quote: "two", by: "B" },
      { quote: "three", by: "C" },
      { quote: "four", by: "D" }
    ],
    3
  )
  expect(outline.slides.map(({ layout }) => layout)).toEqual(["title", "quote", "quote"])
  expect(outline.slides[2]?.notes).toContain("three")
  expect(outline.slides[2]?.notes).toContain("four")
  expect(remarks[0]).toContain("2 topics had no place on 3 slides")
})

/** Everything that a page says, and its notes. */
const everything = (slides: ReadonlyArray<Slide>) => clean(JSON.stringify(slides).replace(/\\n/g, " "))

test("any details fill exactly the pages asked for, or there is a remark; every word is on a page or in its notes", () => {
  fc.assert(
    fc.property(details, fc.integer({ min: 1, max: 30 }), (given, slides) => {
      const { outline, remarks } = arranged(given, slides)
      expect(outline.slides.length).toBeLessThanOrEqual(slides)
      if (outline.slides.length < slides) expect(remarks.length).toBeGreaterThan(0)
      const all = everything(outline.slides)
      for (const detail of given) {
        if (typeof detail !== "string") continue
        const word = /growth|team|Überblick|m{50}/.exec(clean(detail))?.[0]
        if (word !== undefined) expect(all).toContain(word)
      }
    }),
    { numRuns: 200 }
  )
}, 30_000)

test("10,000 lines are arranged on sixty pages", () => {
  const given = Array.from({ length: 10_000 }, (_, index) => `Line ${index} of many`)
  const { outline } = arranged(given, 60)
  expect(outline.slides).toHaveLength(60)
  const all = everything(outline.slides)
  for (const index of [0, 4999, 9999]) expect(all).toContain(`Line ${index} of many`)
}, 30_000)
