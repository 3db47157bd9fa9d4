/** Parts that details are read into, in their order: lists, charts, tables and so on. */
import type { Chart, Point } from "./Outline.ts"

interface Common {
  readonly heading?: string
  /** Speaker notes: link addresses and struck text. */
  readonly notes?: ReadonlyArray<string>
}

export type Block = Common &
  (
    | { readonly kind: "section"; readonly heading: string }
    | { readonly kind: "list"; readonly points: ReadonlyArray<Point> }
    | {
        readonly kind: "chart"
        readonly chart: Omit<Chart, "kind"> & Partial<Pick<Chart, "kind">>
        readonly points: ReadonlyArray<Point>
      }
    | {
        readonly kind: "table"
        readonly columns: ReadonlyArray<string>
        readonly rows: ReadonlyArray<ReadonlyArray<string>>
      }
    | {
        readonly kind: "figure"
        readonly image: string
        readonly alt?: string
        readonly points: ReadonlyArray<Point>
      }
    | { readonly kind: "quote"; readonly quote: string; readonly by?: string }
    | {
        readonly kind: "numbers"
        readonly numbers: ReadonlyArray<{ readonly value: string; readonly label: string }>
      }
    | {
        readonly kind: "columns"
        readonly columns: ReadonlyArray<{ readonly heading?: string; readonly points: ReadonlyArray<Point> }>
      }
    | { readonly kind: "code"; readonly code: string }
  )
export type BlockOf<K extends Block["kind"]> = Extract<Block, { readonly kind: K }>
