/** Lines and data become topics: headed lists, charts, tables, quotes, pictures. */
import { describe, expect, test } from "bun:test"
import { topics } from "../../../layers/decks/outline/topics.ts"

describe("lines", () => {
  test("are points; a colon, `##` or dashes below make a heading", () => {
    const points = [{ text: "one" }, { text: "two" }]
    const headed = [{ kind: "list", heading: "Heading", points }]
    expect(topics(["one", "two"])).toEqual([{ kind: "list", points }])
    expect(topics(["Heading:", "- one", "- two"])).toEqual(headed as never)
    expect(topics(["## Heading", "one", "two"])).toEqual(headed as never)
    expect(topics(["Heading", "- one", "- two"])).toEqual(headed as never)
    expect(topics(["Heading\n* one\r\n2. two"])).toEqual(headed as never)
    expect(topics(["# Part", "one"])).toEqual([
      { kind: "section", heading: "Part" },
      { kind: "list", points: [{ text: "one" }] }
    ])
  })

  test("that are indented stand under the one before", () => {
    expect(topics(["- one", "  - under it", "- two"])).toEqual([
      { kind: "list", points: [{ text: "one" }, { text: "under it", level: 1 }, { text: "two" }] }
    ])
  })

  test("with a key begin with it, and addresses have none", () => {
    expect(topics(["Owner: Ana", "**When** in May", "see https://a.test: it is there"])).toEqual([
      {
        kind: "list",
        points: [
          { lead: "Owner", text: "Ana" },
          { lead: "When", text: "in May" },
          { text: "see https://a.test: it is there" }
        ]
      }
    ] as never)
  })

  test("of keys and numbers of one unit are a chart; of several units, points", () => {
    expect(topics(["Revenue:", "Q1: $10m", "Q2: $14m", "Q3: $18m", "Audited: yes"])).toEqual([
      {
        kind: "chart",
        heading: "Revenue",
        chart: {
          labels: ["Q1", "Q2", "Q3"],
          series: [{ name: "Revenue", values: [10, 14, 18] }],
          prefix: "$",
          suffix: "m"
        },
        points: [{ lead: "Audited", text: "yes" }]
      }
    ])
    expect(topics(["Share: 3%", "Wins: 4", "Cost: $5"])[0]?.kind).toBe("list")
  })

  test("between bars are a table", () => {
    expect(topics(["Plan:", "| Item | Owner |", "|---|---|", "| Rollout | Ana |"])).toEqual([
      { kind: "table", heading: "Plan", columns: ["Item", "Owner"], rows: [["Rollout", "Ana"]] }
    ])
  })

  test("may be quotes and pictures", () => {
    expect(
      topics(["> It works. — Ana", "“It really works” – Bo", "![A plan](https://a.test/plan.png)"])
    ).toEqual([
      { kind: "quote", quote: "It works.", by: "Ana" },
      { kind: "quote", quote: "It really works", by: "Bo" },
      { kind: "figure", image: "https://a.test/plan.png", alt: "A plan", points: [] }
    ])
  })

  test("of nothing are nothing", () => {
    expect(topics(["", "  ", "\n\n", "\u0000"])).toEqual([])
  })
})

describe("data", () => {
  test("is what it says, with one value for each label and one cell for each column", () => {
    expect(
      topics([
        { chart: { labels: ["a", "b"], series: [{ name: "s", values: [1] }], unit: "€m" }, title: "T" },
        { table: { columns: ["a", "b"], rows: [[1234.5], ["x", null, true]] } },
        { numbers: [{ value: 1234, label: "l" }] }
      ])
    ).toEqual([
      {
        kind: "chart",
        heading: "T",
        chart: { labels: ["a", "b"], series: [{ name: "s", values: [1, 0] }], prefix: "€", suffix: "m" },
        points: []
      },
      {
        kind: "table",
        columns: ["a", "b"],
        rows: [
          ["1,234.5", ""],
          ["x", ""]
        ]
      },
      { kind: "numbers", numbers: [{ value: "1,234", label: "l" }] }
    ])
  })
})
