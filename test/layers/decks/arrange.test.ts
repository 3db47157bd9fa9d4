/** Details become as many pages as asked for, or fewer with a reason; nothing that was said is lost. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { arrange, type Request } from "../../../layers/decks/outline/arrange.ts"
import type { Detail } from "../../../layers/decks/outline/Detail.ts"
import type { Slide } from "../../../layers/decks/outline/Outline.ts"
import { clean } from "../../../layers/decks/outline/lines.ts"
import { details, words as plainLine } from "../../support/details.ts"

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

test("a brief that tells what to make stands in the notes; what it is about, on the page", () => {
  const brief = "Client-facing deck focusing on achievements and next steps. Be brave."
  const [first] = arranged(highlights, 5, { brief }).outline.slides
  expect(first).toMatchObject({ layout: "title", kicker: "Acme", subtitle: "Achievements and next steps" })
  expect(first?.notes).toContain(brief)
  expect(arranged(highlights, 5).outline.slides[0]).toMatchObject({ subtitle: "Highlights" })
})

describe("the title", () => {
  const title = (
    project: string,
    brief: string,
    given: ReadonlyArray<Detail> = highlights,
    type = "text"
  ) => {
    const first = arranged(given, 4, { project, brief, type }).outline.slides[0]
    return first?.layout === "title" ? [first.kicker, first.headline, first.subtitle] : []
  }

  test("is the brief where that is a phrase and the project a name", () => {
    const cases = [
      ["Q3", "What the third quarter changed", ["Acme · Q3", "What the third quarter changed", undefined]],
      ["Q3", "What the third quarter changed.", ["Acme · Q3", "What the third quarter changed", undefined]],
      ["Roadmap", "roadmap 2027", ["Acme", "Roadmap 2027", undefined]],
      [
        "Visit",
        "Notes from Malmö, for the operations team. Keep it short.",
        ["Acme · Visit", "Notes from Malmö", undefined]
      ],
      [
        "Heat pump HP 12",
        "Data sheet for installers",
        ["Acme", "Heat pump HP 12", "Data sheet for installers"]
      ],
      ["Q3", "Was sich im Quartal geändert hat", ["Acme · Q3", "Was sich im Quartal geändert hat", undefined]]
    ] as const
    for (const [project, brief, expected] of cases)
      expect([brief, title(project, brief)]).toEqual([brief, [...expected]])
  })

  test("is the project where the brief tells what to make", () => {
    for (const brief of [
      "Please make it short",
      "Create a deck of the highlights",
      "Help Acme choose",
      "A customer-facing presentation",
      "Bitte kurz halten",
      "Keep the tone friendly",
      ""
    ])
      expect([brief, title("Q3", brief)]).toEqual([brief, ["Acme", "Q3", undefined]])
    expect(title("Q3", "", highlights, "Highlight")).toEqual(["Acme", "Q3", "Highlights"])
    expect(title("Q3", "A deck about churn", highlights, "Highlight")).toEqual(["Acme", "Q3", "Churn"])
  })

  test("is what stands above the details as theirs", () => {
    const below = ["## One", "- a", "- b", "## Two", "- c", "- d"]
    expect(title("Roadmap", "", ["# The year ahead", ...below])).toEqual([
      "Acme · Roadmap",
      "The year ahead",
      undefined
    ])
    expect(title("Sync", "How we work", ["Notes of 12 May 2026", ...highlights])).toEqual([
      "Acme · Sync",
      "How we work",
      "Notes of 12 May 2026"
    ])
    const sections = arranged(["# One", "a", "# Two", "b"], 6).outline.slides
    expect(sections.filter(({ layout }) => layout === "section")).toHaveLength(2)
  })
})

const quarter = [
  "Revenue grew in every quarter",
  "Q1: 12",
  "Q2: 14",
  "Q3: 19",
  "Churn fell by a third: we answer within an hour now",
  "Two plants went solar, and the third follows in spring",
  "Next: open the office in Porto",
  "Next: hire four engineers",
  "Next: retire the old billing system"
]

describe("lines as people write them", () => {
  test("of a mail are without its greeting and signature, which are in the notes", () => {
    const mail = "Hi team,\n\nThe migration is finished.\nAll 14 sites are live.\n\nThanks,\nAna"
    expect(shown([mail], 4)).toEqual([
      "title: Q3",
      "statement: The migration is finished",
      "statement: All 14 sites are live",
      "closing: Thank you"
    ])
    const { notes } = arranged([mail], 4).outline.slides[0] ?? {}
    for (const said of ["Hi team,", "Thanks,", "Ana"]) expect(notes).toContain(said)
    expect(shown(["Hi team,"], 3)[1]).toBe("statement: Hi team,")
  })

  test("are pages of what belongs together", () => {
    expect(shown(quarter, 6)).toEqual([
      "title: Q3",
      "chart: Revenue grew in every quarter",
      "statement: Churn fell by a third",
      "statement: Two plants went solar, and the third follows in spring",
      "bullets: What comes next",
      "closing: Thank you"
    ])
    expect(arranged(quarter, 6).outline.slides[2]).toMatchObject({ text: "We answer within an hour now" })
  })

  test("stand together on few pages, and are taken apart for many", () => {
    for (const slides of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const { outline, remarks } = arranged(quarter, slides)
      expect([slides, outline.slides.length, remarks]).toEqual([slides, slides, []])
    }
    expect(shown(quarter, 8).slice(4, 7)).toEqual([
      "statement: Open the office in Porto",
      "statement: Hire four engineers",
      "statement: Retire the old billing system"
    ])
  })

  test("that are numbers of the same times share a chart where pages are few", () => {
    const given = ["Revenue: Q1 12, Q2 14, Q3 19", "Costs: Q1 9, Q2 9.5, Q3 10"]
    expect(shown(given, 4).slice(1, 3)).toEqual([
      "chart: Revenue rose 58% to 19 between Q1 and Q3",
      "chart: Costs rose 11% to 10 between Q1 and Q3"
    ])
    expect(shown(given, 3)[1]).toBe("chart: Revenue up 58% and costs up 11%")
  })

  test("in German have German words beside them", () => {
    const given = [
      "Der Umsatz und die Kosten:",
      "Q1: 10",
      "Q2: 14",
      "Q3: 15,5",
      "Wir sind mit dem Quartal zufrieden"
    ]
    const { slides } = arranged(given, 3).outline
    expect(slides.map(({ headline }) => headline)).toEqual([
      "Q3",
      "Der Umsatz und die Kosten: plus 55% auf 15,5, Q1 bis Q3",
      "Vielen Dank"
    ])
  })
})

describe("a headline", () => {
  const page = (given: ReadonlyArray<Detail>, type = "text") => {
    const { notes: _, ...slide } = arranged(given, 1, { type }).outline.slides[0] ?? {}
    return slide as unknown
  }

  test("that is one of the points is not among them", () => {
    expect(page(["The beta is stable", "Pricing is open"])).toEqual({
      layout: "statement",
      headline: "The beta is stable",
      text: "Pricing is open"
    })
    expect(page(["One", "The beta is stable", "Two"])).toEqual({
      layout: "bullets",
      headline: "The beta is stable",
      points: [{ text: "One" }, { text: "Two" }]
    })
    expect(page(["- Launch plan", "  - in May", "  - in two cities"])).toEqual({
      layout: "bullets",
      headline: "Launch plan",
      points: [{ text: "in May" }, { text: "in two cities" }]
    })
  })

  test("is none of lines that only name something", () => {
    expect(page(["Introduction", "Results"])).toEqual({
      layout: "statement",
      headline: "Introduction and results"
    })
    expect(page(["Introduction", "Results of the pilot", "Costs", "Decision", "Questions"])).toMatchObject({
      layout: "bullets",
      headline: "Q3 at a glance"
    })
  })

  test("of facts is what they are of", () => {
    expect(page(["Strengths: speed", "Weaknesses: price", "Owner: Ana"])).toMatchObject({
      layout: "bullets",
      headline: "Strengths, weaknesses and owner"
    })
    expect(page(["Solar share: 31%", "Savings: €184k"])).toMatchObject({
      layout: "numbers",
      headline: "Solar share and savings"
    })
  })

  test("of numbers without a name has no verb without a subject", () => {
    expect(page(["Q1: 5", "Q2: 7", "Q3: 9"])).toMatchObject({ headline: "Up 80% to 9 between Q1 and Q3" })
    expect(page(["Share by source:", "Grid: 54%", "Solar: 31%", "Gas: 15%"])).toMatchObject({
      headline: "Share by source: Grid makes up 54%"
    })
    expect(
      page(["Budget", "| Item | Cost |", "| Hiring | €610k |", "| IT | €240k |", "| Ads | €180k |"])
    ).toMatchObject({
      headline: "Budget: Hiring leads with €610k"
    })
  })
})

test("a closing repeats what states something, and nothing that only names it", () => {
  const closing = (given: ReadonlyArray<Detail>, slides: number) =>
    arranged(given, slides).outline.slides.find(({ layout }) => layout === "closing")
  expect(
    closing(["Q1: 5", "Q2: 7", "Q3: 9", "## Growth", "- a", "- b", "## People", "- c", "- d"], 5)
  ).toMatchObject({
    points: []
  })
  expect(closing(quarter, 6)).toMatchObject({
    points: [
      { text: "Revenue grew in every quarter" },
      { text: "Churn fell by a third" },
      { text: "Two plants went solar, and the third follows in spring" }
    ]
  })
})

test("no headline is also a point of its page, whatever the details", () => {
  const text = ({ lead, text: said }: { readonly lead?: string; readonly text: string }) =>
    lead === undefined ? said : `${lead}: ${said}`
  fc.assert(
    fc.property(
      fc.uniqueArray(plainLine, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 20 }),
      (given, slides) => {
        for (const slide of arranged(given, slides).outline.slides)
          if (slide.layout === "bullets") expect(slide.points.map(text)).not.toContain(slide.headline)
      }
    ),
    { numRuns: 200 }
  )
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
