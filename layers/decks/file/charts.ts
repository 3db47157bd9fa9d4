/** Charts as pptxgenjs takes them, each with the workbook in which PowerPoint edits its numbers. */
import type PptxGenJS from "pptxgenjs"
import { partColor } from "../page/chartPage.ts"
import type { Item } from "../page/Item.ts"
import type { DrawnChart as Chart } from "../page/typesetting.ts"
import type { Color, Palette } from "../Theme.ts"
import { fill, position } from "./items.ts"
import { plain } from "./xmlTree.ts"

/** A number format: grouped, with two decimals or three significant digits of the smallest value, where it has them. */
export const formatCode = ({ prefix = "", series, suffix = "" }: Chart): string => {
  const values = series.flatMap((each) => each.values.filter((value) => value !== null && value !== 0))
  const digits = values.map((value) => (value?.toFixed(12).replace(/0+$/u, "").split(".")[1] ?? "").length)
  const least = Math.floor(Math.log10(Math.min(...values.map((value) => Math.abs(value ?? 1)))))
  const decimals = values.length === 0 ? 0 : Math.min(Math.max(...digits), Math.max(2, 2 - least), 12)
  const quoted = (text: string) => (text === "" ? "" : `"${plain(text).replaceAll('"', "")}"`)
  return `${quoted(prefix)}#,##0${decimals === 0 ? "" : `.${"0".repeat(decimals)}`}${quoted(suffix)}`
}

/** Colours of the points of a chart of one series, where they differ; otherwise of the series. */
export const chartColors = (
  { highlight, kind, labels, series }: Chart,
  palette: Palette
): ReadonlyArray<Color> => {
  if (kind === "doughnut") return labels.map((_, index) => partColor(index))
  if (series.length > 1 || highlight === undefined || kind === "line")
    return series.map((_, index) => (index < palette.accents.length ? `accent${index + 1}` : "tx2"))
  // One point in the strong colour, where the headline speaks of one.
  return labels.map((_, index) => (index === highlight ? "accent1" : palette.quiet))
}

/** Whether every value is written beside its bar, and no axis is needed to read it. */
const isLabelled = ({ kind, labels, series }: Chart) => kind !== "line" && labels.length * series.length <= 16

const font = "+mn-lt"

const axes = (chart: Chart, palette: Palette, code: string): PptxGenJS.IChartOpts => {
  const bar = chart.kind === "bar"
  const labelled = isLabelled(chart)
  const { rtl = false } = chart
  const negative = chart.series.some(({ values }) => values.some((value) => (value ?? 0) < 0))
  return {
    // The types of pptxgenjs know only one of the two.
    catAxisOrientation: (bar || rtl ? "maxMin" : "minMax") as "minMax",
    catAxisLabelColor: palette.ink,
    catAxisLabelFontFace: font,
    catAxisLabelFontSize: chart.labels.length > 12 ? 12 : 14,
    catAxisLabelPos: "low",
    catAxisLineColor: palette.line,
    catAxisLineSize: 0.75,
    catAxisMajorTickMark: "none",
    ...(bar && rtl && { valAxisOrientation: "maxMin" as "minMax" }),
    // Where the value axis stands: behind the last label, which is the lowest or, from right to left, the leftmost.
    catAxisCrossesAt: bar || rtl ? ("max" as "autoZero") : "autoZero",
    valAxisHidden: labelled,
    valAxisLineShow: false,
    valAxisMajorTickMark: "none",
    valAxisLabelColor: palette.muted,
    valAxisLabelFontFace: font,
    valAxisLabelFontSize: 13,
    valAxisLabelFormatCode: code,
    ...(!negative && { valAxisMinVal: chart.minimum ?? 0 }),
    valGridLine: labelled ? { style: "none" } : { style: "solid", color: palette.line, size: 0.5 }
  }
}

export const addChart = (
  slide: PptxGenJS.Slide,
  item: Item & { readonly kind: "chart" },
  chart: Chart,
  palette: Palette
): void => {
  const { kind, labels, series } = chart
  const code = formatCode(chart)
  const several = series.length > 1
  const data = series.map(({ name, values }) => ({
    name: plain(name),
    labels: labels.map((label) => plain(label) || " "),
    values: [...values]
  }))
  const type = kind === "line" || kind === "doughnut" ? kind : "bar"
  slide.addChart(type, data, {
    ...position(item.area),
    objectName: plain(item.name),
    altText: plain(item.alt),
    chartArea: { roundedCorners: false },
    chartColors: chartColors(chart, palette).map((color) => fill(color).color),
    displayBlanksAs: "gap",
    showLegend: several && kind !== "doughnut",
    legendPos: "t",
    legendColor: palette.ink,
    legendFontFace: font,
    legendFontSize: 14,
    showValue: isLabelled(chart) || kind === "line",
    showPercent: false,
    dataLabelColor: palette.ink,
    dataLabelFontBold: !several || kind === "line",
    dataLabelFontFace: font,
    dataLabelFontSize: several && kind !== "line" ? 12 : 16,
    dataLabelFormatCode: code,
    ...(kind === "line" && { dataLabelPosition: "t" as const }),
    barDir: kind === "bar" ? "bar" : "col",
    barGapWidthPct: several ? 60 : 55,
    barOverlapPct: several ? -6 : 0,
    lineSize: 2.75,
    lineCap: "round",
    lineDataSymbolSize: 7,
    lineDataSymbolLineColor: palette.background,
    lineDataSymbolLineSize: 1,
    holeSize: 62,
    ...(kind === "doughnut"
      ? { dataBorder: { pt: 1.5, color: palette.background } }
      : axes(chart, palette, code))
  })
}
