/** The sample decks of `docs/decks`: what they are made from, and how. */
import { arrange, type Arranged, type Request } from "../../layers/decks/outline/arrange.ts"
import type { Detail } from "../../layers/decks/outline/Detail.ts"
import type { Outline } from "../../layers/decks/outline/Outline.ts"
import { prepareOutline } from "../../layers/decks/outline/prepareOutline.ts"
import { inspect, type Picture } from "../../layers/decks/Picture.ts"
import { writeDeck } from "../../layers/decks/file/writeDeck.ts"
import { builtIn, type ThemeFile } from "../../layers/decks/Theme.ts"
import { painted, png } from "../support/png.ts"
import { arabic, incident, list, review, reviewOutline } from "./moreSamples.ts"

export interface Sample {
  readonly name: string
  readonly theme: { readonly name: string; readonly file: ThemeFile; readonly logo?: Picture }
  readonly request: Request
  /** Absent: rules arrange the details. */
  readonly outline?: Outline
}

const picture = (bytes: Uint8Array<ArrayBuffer>): Picture => {
  const found = inspect(bytes)
  if (typeof found === "string") throw new Error(found)
  return found
}

const dark = "#24303f"
/** A plan of a hall: racks, a conveyor, two gates. */
const plan = png(
  painted(900, 600, [
    { x: 0, y: 0, w: 900, h: 600, color: "#f7f8fa" },
    ...[
      [30, 30, 840, 8],
      [30, 562, 840, 8],
      [30, 30, 8, 540],
      [862, 30, 8, 540]
    ].map(([x = 0, y = 0, w = 0, h = 0]) => ({ x, y, w, h, color: dark })),
    ...Array.from({ length: 6 }, (_, index) => ({
      x: 130 + index * 110,
      y: 100,
      w: 60,
      h: 190,
      color: "#c3ccd6"
    })),
    { x: 80, y: 360, w: 740, h: 26, color: "#0b7a75" },
    { x: 80, y: 360, w: 26, h: 150, color: "#0b7a75" },
    { x: 794, y: 360, w: 26, h: 150, color: "#0b7a75" },
    { x: 62, y: 500, w: 62, h: 62, color: "#e4572e" },
    { x: 776, y: 500, w: 62, h: 62, color: "#e4572e" }
  ])
)
const planSource = `data:image/png;base64,${Buffer.from(plan).toString("base64")}`

export const logo = png(
  painted(360, 120, [
    { x: 0, y: 20, w: 80, h: 80, color: "#7a3b1d" },
    { x: 20, y: 40, w: 40, h: 40, color: "#e0a458" },
    ...[110, 160, 210, 260, 310].map((x, index) => ({
      x,
      y: index % 2 === 0 ? 40 : 20,
      w: 34,
      h: index % 2 === 0 ? 60 : 80,
      color: "#7a3b1d"
    }))
  ])
)

const terra: ThemeFile = {
  colors: {
    background: "#FFFDF8",
    surface: "#F4EDE1",
    ink: "#33241C",
    muted: "#6D5D50",
    accent: "#9C4A1A",
    second: "#D08C2E"
  },
  fonts: { head: "Cambria", body: "Calibri" },
  logo: "terra.png"
}

const board: ReadonlyArray<Detail> = [
  "# Where we stand",
  "Throughput per shift:",
  "Q1: 1,240",
  "Q2: 1,410",
  "Q3: 1,690",
  "Q4: 2,030",
  "What changed on the floor:",
  "- Picking errors fell by half, because every tote is weighed at the gate",
  "- Night shift: two people instead of seven, both trained as technicians",
  "- Returns are booked within an hour of arrival, and no longer wait for two days",
  "- One conveyor serves both halls, so that peaks even out",
  {
    numbers: [
      { value: "+64%", label: "Throughput per shift" },
      { value: "−51%", label: "Picking errors" },
      { value: "4.2 h", label: "Order to truck, median" },
      { value: "€1.9m", label: "Saved in the first year" }
    ],
    title: "Faster, cheaper, and with half the errors"
  },
  {
    chart: {
      labels: ["Labour", "Energy", "Maintenance", "Packaging"],
      series: [{ name: "", values: [46, 22, 19, 13] }],
      unit: "%"
    },
    title: "Labour still makes up almost half of what an order costs"
  },
  "> We stopped hiring for peaks. The machines take the peaks, and our people take the exceptions. — Maria Lind, Head of Operations",
  {
    table: {
      columns: ["Site", "Live since", "Robots", "Orders a day", "Payback"],
      rows: [
        ["Malmö", "March", 42, 18200, "14 months"],
        ["Gdańsk", "June", 31, 12900, "17 months"],
        ["Lyon", "September", 36, 15100, "16 months"],
        ["Porto", "Spring 2027", 24, 9800, "19 months"]
      ]
    },
    title: "Three sites are live, and the fourth follows in spring"
  },
  {
    columns: [
      {
        heading: "What went well",
        points: [
          "One integrator for all sites",
          "Staff chose the pilot area",
          "Spare parts on site from day one"
        ]
      },
      {
        heading: "What we would do differently",
        points: [
          "Test the network under load first",
          "Order racks four months earlier",
          "Agree on one label format"
        ]
      }
    ],
    title: "Three sites have taught us what to repeat, and what not"
  },
  "# What comes next",
  {
    image: planSource,
    alt: "Plan of hall B: racks above, one conveyor below, gates at both ends",
    title: "Hall B is rebuilt around one conveyor",
    points: ["Racks move in January", "Conveyor in February", "Go-live in April"]
  },
  {
    chart: {
      labels: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct"],
      series: [
        { name: "Plan", values: [10, 12, 14, 16, 18, 20, 22, 24, 26, 28] },
        { name: "Actual", values: [9, 12, 15, 18, 19, 23, 25, 29, 31, 34] }
      ],
      unit: "k"
    },
    title: "Orders"
  },
  "Decisions we need today:",
  "- Release the budget for Porto: €2.4m",
  "- Keep the integrator for two more years",
  "- Name an owner for training"
]

const story: ReadonlyArray<Detail> = [
  "Before the harvest, every lot was tasted and written down by hand",
  {
    quote:
      "We used to find out in Rotterdam what we had shipped from Huila. Now we know before the bag is sewn.",
    by: "Rosa Quintero, cooperative of Huila"
  },
  {
    heading: "One cup, one record",
    points: [
      "Each lot has a code from the drying bed to the roaster",
      "Tasters score on a phone, also without a signal",
      "A buyer sees farm, altitude, drying days and score",
      "Claims are settled with a photograph instead of a letter"
    ]
  },
  {
    chart: {
      labels: ["Claims", "Waiting for a sample", "Paperwork for a container"],
      series: [
        { name: "Before", values: [31, 18, 12] },
        { name: "After", values: [9, 6, 3] }
      ],
      unit: "days"
    },
    title: "What took weeks takes days"
  },
  "Price per kilo to the farmer: +18%",
  {
    heading: "What comes next",
    points: [
      "Nariño joins with 340 farms",
      "Roasters order from the lot list",
      "A second language for the tasters"
    ]
  }
]

const light = { name: "light", file: builtIn["light"] ?? terra }

export const samples: ReadonlyArray<Sample> = [
  {
    name: "highlights",
    theme: { name: "light", file: builtIn["light"] ?? terra },
    request: {
      client: "Acme",
      project: "Q3",
      type: "Highlight",
      details: ["Market share +3%", "Beta launched", "4 enterprise wins"],
      slides: 5
    }
  },
  {
    name: "board",
    theme: { name: "dark", file: builtIn["dark"] ?? terra },
    request: {
      client: "Northwind Traders",
      project: "Warehouse automation: results of the first year",
      type: "Result",
      details: board,
      slides: 13
    }
  },
  {
    name: "story",
    theme: { name: "terra", file: terra, logo: picture(logo) },
    request: {
      client: "Terra Coffee",
      project: "Every lot has a name",
      type: "Story",
      details: story,
      slides: 8
    }
  },
  { name: "review", theme: light, request: review, outline: reviewOutline },
  { name: "incident", theme: { name: "dark", file: builtIn["dark"] ?? terra }, request: incident },
  { name: "list", theme: light, request: list },
  { name: "arabic", theme: light, request: arabic }
]

/** The outline of a sample, and its file: the same bytes each time. */
export const make = async ({ outline, request, theme }: Sample) => {
  const font = theme.file.fonts.body
  const arranged: Arranged =
    outline === undefined ? arrange(request, font) : prepareOutline(outline, request, font)
  const rendered = await writeDeck({
    outline: arranged.outline,
    theme,
    pictures: new Map(
      request.details.flatMap((detail, index) =>
        typeof detail === "object" && "image" in detail ? [[`#${index + 1}`, picture(plan)] as const] : []
      )
    ),
    created: "2026-11-21T08:00:00.000Z"
  })
  return { arranged, rendered }
}
