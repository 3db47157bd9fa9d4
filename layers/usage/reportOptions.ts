/** What a usage report is about. */

export const reportWindows = ["hour", "day", "week", "month"] as const
export type ReportWindow = (typeof reportWindows)[number]

export const isReportWindow = (name: string): name is ReportWindow =>
  reportWindows.some((window) => window === name)

export interface ReportOptions {
  /** Of all principals instead of one: for who may `admin`. */
  readonly all: boolean
  /** What models, tools and principals are summed over. */
  readonly window: ReportWindow
}
