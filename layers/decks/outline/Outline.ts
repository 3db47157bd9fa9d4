/** Schema of a deck's content, slide by slide, without its looks: the argument and the result of `content.create`. */
import { Schema, SchemaTransformation } from "effect"

const make = () => {
  const Text = Schema.String.check(Schema.isMaxLength(20_000))
  const Short = Schema.String.check(Schema.isMaxLength(2000))
  const list = <S extends Schema.Top>(item: S, least: number, most: number) =>
    Schema.Array(item).check(Schema.isMinLength(least), Schema.isMaxLength(most))

  const PointFields = Schema.Struct({
    lead: Schema.optionalKey(Short.annotate({ description: "Bold words at the start." })),
    text: Text,
    level: Schema.optionalKey(
      Schema.Literals([0, 1, 2]).annotate({ description: "Nesting below the point before; default 0." })
    ),
    number: Schema.optionalKey(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 32_767 })).annotate({
        description: "Number in an ordered list."
      })
    )
  })
  const Point = Schema.Union([
    PointFields,
    Text.pipe(
      Schema.decodeTo(
        PointFields,
        SchemaTransformation.transform({ decode: (text) => ({ text }), encode: ({ text }) => text })
      )
    )
  ])
  const points = Schema.optionalKey(list(Point, 0, 1000))
  const cell = Schema.Union([Text, Schema.Finite])

  const Chart = Schema.Struct({
    kind: Schema.Literals(["column", "bar", "line", "doughnut"]),
    labels: list(Short, 1, 60),
    series: list(
      Schema.Struct({
        name: Short,
        values: Schema.Array(Schema.NullOr(Schema.Finite))
          .check(Schema.isMaxLength(60))
          .annotate({ description: "One per label; null for a value that is not known." })
      }),
      1,
      6
    ),
    prefix: Schema.optionalKey(Short.annotate({ description: "Before each number: `$`." })),
    suffix: Schema.optionalKey(Short.annotate({ description: "After each number: `%`, ` MW`." })),
    highlight: Schema.optionalKey(
      Schema.Int.annotate({ description: "Index of the label to emphasize, from 0." })
    )
  })

  const shared = {
    headline: Text.annotate({
      description: "What the slide says, in one sentence; a label where it says nothing."
    }),
    notes: Schema.optionalKey(Text.annotate({ description: "Speaker notes." }))
  }
  const kicker = Schema.optionalKey(Short.annotate({ description: "A short line above the headline." }))
  const layout = <L extends string>(name: L) => Schema.Literal(name)

  const Slide = Schema.Union([
    Schema.Struct({ layout: layout("title"), ...shared, kicker, subtitle: Schema.optionalKey(Text) }),
    Schema.Struct({ layout: layout("section"), ...shared, number: Schema.optionalKey(Schema.Int) }),
    Schema.Struct({
      layout: layout("bullets"),
      ...shared,
      points: list(Point, 1, 1000),
      numbered: Schema.optionalKey(Schema.Boolean)
    }),
    Schema.Struct({
      layout: layout("columns"),
      ...shared,
      columns: list(Schema.Struct({ heading: Schema.optionalKey(Text), points: list(Point, 0, 100) }), 1, 4)
    }),
    Schema.Struct({ layout: layout("chart"), ...shared, chart: Chart, points }),
    Schema.Struct({
      layout: layout("table"),
      ...shared,
      columns: list(Text, 1, 12),
      rows: list(list(cell, 0, 12), 0, 1000)
    }),
    Schema.Struct({ layout: layout("quote"), ...shared, kicker, by: Schema.optionalKey(Short) }).annotate({
      description: "The headline is the quote."
    }),
    Schema.Struct({
      layout: layout("figure"),
      ...shared,
      image: Schema.String.annotate({
        description:
          "An http or https address, `data:image/png;base64,…`, or `#2`: the picture in the second of `source_content_details`."
      }),
      alt: Schema.optionalKey(
        Text.annotate({ description: "Description of the picture for screen readers." })
      ),
      points
    }),
    Schema.Struct({
      layout: layout("numbers"),
      ...shared,
      numbers: list(Schema.Struct({ value: cell, label: Text }), 1, 8)
    }),
    Schema.Struct({ layout: layout("number"), ...shared, kicker, value: Short }).annotate({
      description: "One large number; the headline explains it."
    }),
    Schema.Struct({ layout: layout("statement"), ...shared, kicker, text: Schema.optionalKey(Text) }),
    Schema.Struct({ layout: layout("code"), ...shared, code: Text }),
    Schema.Struct({ layout: layout("closing"), ...shared, points })
  ])

  return Schema.Struct({
    title: Schema.optionalKey(Short.annotate({ description: "Title of the file." })),
    footer: Schema.optionalKey(Short.annotate({ description: "Text at the foot of each slide." })),
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
