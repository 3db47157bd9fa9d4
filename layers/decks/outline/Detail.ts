/** Schema of `source_content_details`: lines of text, or structured data. */
import { Schema } from "effect"
import { cell, chartKind, list, optional, Text, values } from "./schemaParts.ts"

const make = () => {
  const Lines = list(Text, 0, 1000)
  const title = optional(Text, "Headline of the slide.")
  const points = Schema.optionalKey(Lines)
  const Topic = Schema.Struct({
    heading: Text.annotate({ description: "Headline of the points." }),
    points: Lines
  })
  const Chart = Schema.Struct({
    type: optional(chartKind, "Default: by the labels; never a doughnut."),
    labels: list(Text, 1, 60),
    series: list(Schema.Struct({ name: Text, values }), 1, 6),
    unit: optional(Schema.String.check(Schema.isMaxLength(12)), "`%`, `$` or `m EUR`.")
  })
  const Table = Schema.Struct({
    columns: list(Text, 1, 12),
    rows: list(list(Schema.Union([Text, Schema.Finite, Schema.Boolean, Schema.Null]), 0, 12), 0, 1000)
  })
  return Schema.Union([
    Schema.String.annotate({
      description:
        "A line of text or Markdown: `## heading` or `heading:` for the lines below it, `- item`, `label: value`, `| a | row |`, `> quote`; or several lines."
    }),
    Topic,
    Schema.Struct({ chart: Chart, title, points }),
    Schema.Struct({ table: Table, title }),
    Schema.Struct({
      image: Schema.String.annotate({
        description: "A PNG, JPEG or GIF: `data:image/png;base64,…`, or an http or https address."
      }),
      alt: optional(Text, "Description of the picture for screen readers."),
      title,
      points
    }),
    Schema.Struct({ quote: Text, by: Schema.optionalKey(Text) }),
    Schema.Struct({ numbers: list(Schema.Struct({ value: cell, label: Text }), 1, 24), title }),
    Schema.Struct({ columns: list(Topic, 2, 2), title })
  ])
}

let made: ReturnType<typeof make> | undefined
/** Built at its first use, because the start-up needs none of it. */
export const Detail = Schema.suspend(() => (made ??= make()))
export type Detail = ReturnType<typeof make>["Type"]
