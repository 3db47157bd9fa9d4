/** Schema of a deck's content, slide by slide, without its looks: the argument and the result of `content.create`. */
import { Schema, SchemaTransformation } from "effect"
import { cell, chartKind, list, optional, Text, values } from "./schemaParts.ts"

const make = () => {
  const PointFields = Schema.Struct({
    lead: optional(Text, "Bold words at the start."),
    text: Text,
    level: optional(Schema.Literals([0, 1, 2]), "Nesting below the point before; default 0."),
    number: optional(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 32_767 })),
      "Number in an ordered list."
    )
  })
  const fromText = SchemaTransformation.transform({
    decode: (text: string) => ({ text }),
    encode: ({ text }: { readonly text: string }) => text
  })
  const Point = Schema.Union([PointFields, Text.pipe(Schema.decodeTo(PointFields, fromText))])
  const points = Schema.optionalKey(list(Point, 0, 1000))
  const Chart = Schema.Struct({
    kind: chartKind,
    labels: list(Text, 1, 60),
    series: list(Schema.Struct({ name: Text, values }), 1, 6),
    prefix: optional(Text, "Before each number: `$`."),
    suffix: optional(Text, "After each number: `%`, ` MW`."),
    highlight: optional(Schema.Int, "Index of the label to emphasize, from 0.")
  })
  const kicker = optional(Text, "A short line above the headline.")
  const text = Schema.optionalKey(Text)

  const slide = <L extends string, F extends Schema.Struct.Fields>(layout: L, fields: F) =>
    Schema.Struct({
      layout: Schema.Literal(layout),
      headline: Text.annotate({
        description: "What the slide says, in one sentence; a label where it says nothing."
      }),
      notes: optional(Text, "Speaker notes."),
      ...fields
    })
  const Slide = Schema.Union([
    slide("title", { kicker, subtitle: text }),
    slide("section", { number: Schema.optionalKey(Schema.Int) }),
    slide("bullets", { points: list(Point, 1, 1000), numbered: Schema.optionalKey(Schema.Boolean) }),
    slide("columns", { columns: list(Schema.Struct({ heading: text, points: list(Point, 0, 1000) }), 1, 4) }),
    slide("chart", { chart: Chart, points }),
    slide("table", { columns: list(Text, 1, 30), rows: list(list(cell, 0, 30), 0, 1000) }),
    slide("quote", { kicker, by: Schema.optionalKey(Text) }).annotate({
      description: "The headline is the quote."
    }),
    slide("figure", {
      image: Schema.String.annotate({
        description:
          "An http or https address, `data:image/png;base64,…`, or `#2`: the picture in the second of `source_content_details`."
      }),
      alt: optional(Text, "Description of the picture for screen readers."),
      points
    }),
    slide("numbers", { numbers: list(Schema.Struct({ value: cell, label: Text }), 1, 8) }),
    slide("number", { kicker, value: Text }).annotate({
      description: "One large number; the headline explains it."
    }),
    slide("statement", { kicker, text }),
    slide("code", { code: Text }),
    slide("closing", { points })
  ])

  return Schema.Struct({
    title: optional(Text, "Title of the file."),
    footer: optional(Text, "Text at the foot of each slide."),
    slides: list(Slide, 1, 500)
  }).annotate({
    examples: [
      {
        slides: [
          { layout: "title", headline: "Q3 at Acme", subtitle: "Quarterly review" },
          {
            layout: "bullets",
            headline: "Two of three goals are reached",
            points: [{ lead: "Share", text: "up 3 points" }, { text: "Beta launched" }]
          },
          {
            layout: "chart",
            headline: "Revenue grew in every month we know",
            chart: {
              kind: "column",
              labels: ["Jul", "Aug", "Sep"],
              series: [{ name: "Revenue", values: [10, 14, null] }],
              suffix: "m"
            }
          }
        ]
      }
    ]
  })
}

let made: ReturnType<typeof make> | undefined
/** Built at its first use, because the start-up needs none of it. */
export const Outline = Schema.suspend(() => (made ??= make()))
export type Outline = ReturnType<typeof make>["Type"]
export type Slide = Outline["slides"][number]
export type Layout = Slide["layout"]
export type SlideOf<L extends Layout> = Extract<Slide, { readonly layout: L }>
export type Point = SlideOf<"bullets">["points"][number]
export type Chart = SlideOf<"chart">["chart"]
export type ChartKind = Chart["kind"]
