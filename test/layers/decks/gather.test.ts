/** Points of a list are gathered by what they are: numbers, facts, lines of one prefix. */
import { describe, expect, test } from "bun:test"
import { topics } from "../../../layers/decks/outline/topics.ts"

/** Each topic in a few words: what it is, its heading, how many points. */
const told = (lines: ReadonlyArray<string>) =>
  topics(lines).map((topic) => {
    const heading = "heading" in topic ? topic.heading : undefined
    const count =
      topic.kind === "list"
        ? topic.points.length
        : topic.kind === "chart"
          ? topic.chart.labels.join(",")
          : topic.kind === "table"
            ? topic.rows.length
            : 0
    return [topic.kind, heading, count]
  })

describe("a plain line", () => {
  test("before numbers, facts or a table introduces them", () => {
    const cases = [
      [["Sales grew", "Q1: 1", "Q2: 2", "Q3: 3"], [["chart", "Sales grew", "Q1,Q2,Q3"]]],
      [
        ["Other", "Heads by team", "A: 1", "B: 2", "C: 3", "Last"],
        [
          ["list", undefined, 1],
          ["chart", "Heads by team", "A,B,C"],
          ["list", undefined, 1]
        ]
      ],
      [["The new pump", "Weight: 148 kg", "Power: 12 kW", "Gas: R290"], [["list", "The new pump", 3]]],
      [["It fits", "| a | b |", "| 1 | 2 |"], [["table", "It fits", 1]]],
      [["Sales grew", "Sales: Q1 1, Q2 2, Q3 3"], [["chart", "Sales grew", "Q1,Q2,Q3"]]]
    ] as const
    for (const [lines, expected] of cases) expect([lines, told(lines)]).toEqual([lines, expected as never])
  })

  test("under a heading stands behind it", () => {
    expect(told(["## Money", "Sales grew", "Q1: 1", "Q2: 2", "Q3: 3"])).toEqual([
      ["chart", "Money: Sales grew", "Q1,Q2,Q3"]
    ])
    expect(told(["## Plan", "It fits", "| a | b |", "| 1 | 2 |"])).toEqual([["table", "Plan: It fits", 1]])
  })

  test("introduces nothing where there is none, and none that is long does", () => {
    expect(told(["A: one", "B: two"])).toEqual([["list", undefined, 2]])
    const long = "m ".repeat(60).trim()
    expect(told([long, "Q1: 1", "Q2: 2", "Q3: 3"])).toEqual([
      ["list", undefined, 1],
      ["chart", undefined, "Q1,Q2,Q3"]
    ])
  })
})

test("names and numbers in a line are a chart", () => {
  const cases = [
    ["Revenue: Q1 12, Q2 14, Q3 19", "Revenue", "Q1,Q2,Q3"],
    ["Revenue: Q1: $1.2m; Q2: $1.4m; Q3: $1.9m.", "Revenue", "Q1,Q2,Q3"],
    ["Revenue 2024: $4.1m, 2025: $5.3m, 2026: $7.8m", "Revenue", "2024,2025,2026"],
    ["Team: Ana 12, Bo 1,300, Carla 9", "Team", "Ana,Bo,Carla"],
    [
      "Umsatz: 1. Quartal 12,4 Mio. €, 2. Quartal 14,1 Mio. €, 3. Quartal 15 Mio. €",
      "Umsatz",
      "1. Quartal,2. Quartal,3. Quartal"
    ]
  ] as const
  for (const [line, name, labels] of cases)
    expect([line, told([line])]).toEqual([line, [["chart", name, labels]]])
  for (const line of [
    "Dates: May 12, June 13, July 14",
    "Size: 1100 x 520 x 1390 mm",
    "Revenue: Q1 12, Q2 14",
    "Mixed: Q1 12, Q2 14%, Q3 €3",
    "We sold 12, kept 13, lost 14",
    "Attendees: Ana, Bo, Carla"
  ])
    expect([line, told([line])]).toEqual([line, [["list", undefined, 1]]])
})

test("lines of one prefix are a list under it, without it", () => {
  expect(
    topics([
      "Next: open in Porto",
      "Decision: we wait",
      "Next: hire",
      "Action: a call",
      "Decision: iPads stay"
    ])
  ).toEqual([
    { kind: "list", heading: "What comes next", points: [{ text: "Open in Porto" }, { text: "Hire" }] },
    { kind: "list", heading: "Decisions", points: [{ text: "We wait" }, { text: "iPads stay" }] },
    { kind: "list", points: [{ lead: "Action", text: "a call" }] }
  ])
  expect(told(["Next steps: a", "Next steps: b"])).toEqual([["list", "Next steps", 2]])
  // What says something of its own before its colon is no prefix.
  expect(told(["We won again: A", "We won again: B"])).toEqual([["list", undefined, 2]])
})

test("a paragraph is read by its sentences", () => {
  const first =
    "Customers who finish in their first week stay with us almost twice as long as those who do not."
  const second = "A guided import raised completion to 81%."
  const third = "It costs approx. 2.5 Mio. Euro, says Dr. Lind."
  expect(topics([`${first} ${second} ${third}`])).toEqual([
    { kind: "list", points: [{ text: first }, { text: second }, { text: third }] }
  ])
  expect(told(["One sentence. And another."])).toEqual([["list", undefined, 1]])
})

test("more numbers than a chart shows stay points", () => {
  const many = Array.from({ length: 30 }, (_, index) => `Item ${index}: ${index}`)
  expect(told(many)).toEqual([["list", undefined, 30]])
})

test("of the same prefix, only neighbours and what notes are made of belong together", () => {
  expect(
    told(["Option A: build", "Pros: control", "Cons: slow", "Option B: buy", "Pros: fast", "Cons: price"])
  ).toEqual([["list", undefined, 6]])
})

test("steps in time are not facts beside others", () => {
  const steps = ["May: a pilot", "June: training", "December: the end"]
  expect(told(["It takes four months", ...steps, "Budget: €240k", "Owner: Ana"])).toEqual([
    ["list", "It takes four months", 3],
    ["list", undefined, 2]
  ])
})

test("a time before a number needs no colon", () => {
  expect(told(["Q1 12", "Q2 14", "Q3 19"])).toEqual([["chart", undefined, "Q1,Q2,Q3"]])
  expect(told(["Decision 12", "Market 14", "Rooms 19"])[0]?.[0]).toBe("list")
})

test("cells between tabs, semicolons or commas are a table", () => {
  const columns = ["Month", "Revenue", "Costs"]
  const rows = [
    ["Jan", "12", "9"],
    ["Feb", "14", ""]
  ]
  for (const separator of ["\t", ";", ","]) {
    const text = [columns, ...rows].map((row) => row.join(separator)).join("\n")
    expect([separator, topics([text])]).toEqual([separator, [{ kind: "table", columns, rows }]])
  }
  expect(told(["One, two, three", "four, five, six", "seven, eight, nine"])).toEqual([["list", undefined, 3]])
  expect(told(["We sell;we buy", "a;b", "c;d"])).toEqual([["list", undefined, 3]])
  expect(told(["•\tone", "•\ttwo", "•\tthree"])).toEqual([["list", undefined, 3]])
})
