/** Options of a usage report: its window and its principals. */

export const reportWindows = ["hour", "day", "week", "month"] as const
export type ReportWindow = (typeof reportWindows)[number]

export const isReportWindow = (name: string): name is ReportWindow =>
  reportWindows.some((window) => window === name)

export interface ReportOptions {
  /** Of all principals instead of one: for who may `admin`. */
  readonly all: boolean
  /** The window over which models, tools and principals are summed. */
  readonly window: ReportWindow
}
