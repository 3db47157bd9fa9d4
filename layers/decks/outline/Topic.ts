/** What details are about, one after another: a list, a chart, a table, and so on. */
import type { Chart, Point } from "./Outline.ts"

export type Topic =
  | { readonly kind: "section"; readonly heading: string }
  | { readonly kind: "list"; readonly heading?: string; readonly points: ReadonlyArray<Point> }
  | {
      readonly kind: "chart"
      readonly heading?: string
      readonly chart: Omit<Chart, "kind"> & Partial<Pick<Chart, "kind">>
      readonly points: ReadonlyArray<Point>
    }
  | {
      readonly kind: "table"
      readonly heading?: string
      readonly columns: ReadonlyArray<string>
      readonly rows: ReadonlyArray<ReadonlyArray<string>>
    }
  | {
      readonly kind: "figure"
      readonly heading?: string
      readonly image: string
      readonly alt?: string
      readonly points: ReadonlyArray<Point>
    }
  | { readonly kind: "quote"; readonly quote: string; readonly by?: string }
  | {
      readonly kind: "numbers"
      readonly heading?: string
      readonly numbers: ReadonlyArray<{ readonly value: string; readonly label: string }>
    }
  | {
      readonly kind: "columns"
      readonly heading?: string
      readonly columns: ReadonlyArray<{ readonly heading?: string; readonly points: ReadonlyArray<Point> }>
    }
