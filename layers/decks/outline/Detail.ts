/** Schema of `source_content_details`: lines of text, or structured data. */
import { Schema } from "effect"

const make = () => {
  const Text = Schema.String.check(Schema.isMaxLength(20_000))
  const list = <S extends Schema.Top>(item: S, least: number, most: number) =>
    Schema.Array(item).check(Schema.isMinLength(least), Schema.isMaxLength(most))
  const Lines = list(Text, 0, 1000)
  const title = Schema.optionalKey(Text.annotate({ description: "Headline of the slide." }))
  const points = Schema.optionalKey(Lines)
  const Topic = Schema.Struct({
    heading: Text.annotate({ description: "Headline of the points." }),
    points: Lines
  })
  const kind = Schema.Literals(["column", "bar", "line", "doughnut"])
  const values = list(Schema.NullOr(Schema.Finite), 0, 60)

  return Schema.Union([
    Schema.String.annotate({
      description:
        "A line of text or Markdown: `## heading` or `heading:` for the lines below it, `- item`, `label: value`, `| a | row |`, `> quote`; or several lines."
    }),
    Topic,
    Schema.Struct({
      chart: Schema.Struct({
        type: Schema.optionalKey(kind.annotate({ description: "Default: by the labels; never a doughnut." })),
        labels: list(Text, 1, 60),
        series: list(
          Schema.Struct({
            name: Text,
            values: values.annotate({ description: "One per label; null for a value that is not known." })
          }),
          1,
          6
        ),
        unit: Schema.optionalKey(
          Schema.String.check(Schema.isMaxLength(12)).annotate({ description: "`%`, `$` or `m EUR`." })
        )
      }),
      title,
      points
    }),
    Schema.Struct({
      table: Schema.Struct({
        columns: list(Text, 1, 12),
        rows: list(list(Schema.Union([Text, Schema.Finite, Schema.Boolean, Schema.Null]), 0, 12), 0, 1000)
      }),
      title
    }),
    Schema.Struct({
      image: Schema.String.annotate({
        description: "A PNG, JPEG or GIF: `data:image/png;base64,…`, or an http or https address."
      }),
      alt: Schema.optionalKey(
        Text.annotate({ description: "Description of the picture for screen readers." })
      ),
      title,
      points
    }),
    Schema.Struct({ quote: Text, by: Schema.optionalKey(Text) }),
    Schema.Struct({
      numbers: list(Schema.Struct({ value: Schema.Union([Text, Schema.Finite]), label: Text }), 1, 24),
      title
    }),
    Schema.Struct({ columns: list(Topic, 2, 2), title })
  ])
}

let made: ReturnType<typeof make> | undefined
/** Built at its first use, because the start-up needs none of it. */
export const Detail = Schema.suspend(() => (made ??= make()))
export type Detail = ReturnType<typeof make>["Type"]
