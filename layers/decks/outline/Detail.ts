/** Schema of `source_content_details`: lines of text, or structured data. */
import { Schema } from "effect"

/** Characters of one text: more than fits on a slide, and quick to measure. */
const longest = 20_000
const make = () => {
  const Text = Schema.String.check(Schema.isMaxLength(longest))
  const Lines = Schema.Array(Text).check(Schema.isMaxLength(1000))
  const title = Schema.optionalKey(Text.annotate({ description: "Headline of the slide." }))

  const TopicDetail = Schema.Struct({
    heading: Text.annotate({ description: "Headline of the points." }),
    points: Lines
  })

  const ChartDetail = Schema.Struct({
    chart: Schema.Struct({
      type: Schema.optionalKey(
        Schema.Literals(["column", "bar", "line", "doughnut"]).annotate({
          description: "Default: by the labels; never a doughnut."
        })
      ),
      labels: Schema.Array(Text).check(Schema.isMinLength(1), Schema.isMaxLength(60)),
      series: Schema.Array(
        Schema.Struct({
          name: Text,
          values: Schema.Array(Schema.NullOr(Schema.Finite))
            .check(Schema.isMaxLength(60))
            .annotate({ description: "One per label; null for a value that is not known." })
        })
      ).check(Schema.isMinLength(1), Schema.isMaxLength(6)),
      unit: Schema.optionalKey(
        Schema.String.check(Schema.isMaxLength(12)).annotate({
          description: "`%`, `$` or `m EUR`."
        })
      )
    }),
    title,
    points: Schema.optionalKey(Lines)
  })

  const Value = Schema.Union([Text, Schema.Finite, Schema.Boolean, Schema.Null])

  const TableDetail = Schema.Struct({
    table: Schema.Struct({
      columns: Schema.Array(Text).check(Schema.isMinLength(1), Schema.isMaxLength(12)),
      rows: Schema.Array(Schema.Array(Value).check(Schema.isMaxLength(12))).check(Schema.isMaxLength(1000))
    }),
    title
  })

  const ImageDetail = Schema.Struct({
    image: Schema.String.annotate({
      description: "A PNG, JPEG or GIF: `data:image/png;base64,…`, or an http or https address."
    }),
    alt: Schema.optionalKey(Text.annotate({ description: "Description of the picture for screen readers." })),
    title,
    points: Schema.optionalKey(Lines)
  })

  const QuoteDetail = Schema.Struct({ quote: Text, by: Schema.optionalKey(Text) })

  const NumbersDetail = Schema.Struct({
    numbers: Schema.Array(Schema.Struct({ value: Schema.Union([Text, Schema.Finite]), label: Text })).check(
      Schema.isMinLength(1),
      Schema.isMaxLength(24)
    ),
    title
  })

  const ColumnsDetail = Schema.Struct({
    columns: Schema.Array(TopicDetail).check(Schema.isMinLength(2), Schema.isMaxLength(2)),
    title
  })

  return Schema.Union([
    Schema.String.annotate({
      description:
        "A line of text or Markdown: `## heading` or `heading:` for the lines below it, `- item`, `label: value`, `| a | row |`, `> quote`; or several lines."
    }),
    TopicDetail,
    ChartDetail,
    TableDetail,
    ImageDetail,
    QuoteDetail,
    NumbersDetail,
    ColumnsDetail
  ])
}

let made: ReturnType<typeof make> | undefined
/** Built at its first use, because the start-up needs none of it. */
export const Detail = Schema.suspend(() => (made ??= make()))
export type Detail = ReturnType<typeof make>["Type"]
