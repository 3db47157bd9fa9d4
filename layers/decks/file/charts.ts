/** Charts as pptxgenjs draws them, with series of ours: gaps for missing values, and colours of the theme. */
import type PptxGenJS from "pptxgenjs"
import { partColor } from "../page/chartPage.ts"
import type { ChartItem, DrawnChart } from "../page/Item.ts"
import type { Color, Palette } from "../Theme.ts"
import { fillXml } from "./textBody.ts"
import { elements, escape, plain, type Element } from "./xmlTree.ts"

/** A number format: grouped, with two decimals or three significant digits of the smallest value, where it has them. */
const formatCode = ({ prefix = "", series, suffix = "" }: DrawnChart): string => {
  const values = series.flatMap((each) => each.values.filter((value) => value !== null && value !== 0))
  const digits = values.map((value) => (value?.toFixed(12).replace(/0+$/u, "").split(".")[1] ?? "").length)
  const least = Math.floor(Math.log10(Math.min(...values.map((value) => Math.abs(value ?? 1)))))
  const decimals = values.length === 0 ? 0 : Math.min(Math.max(...digits), Math.max(2, 2 - least), 12)
  const quoted = (text: string) => (text === "" ? "" : `"${plain(text).replaceAll('"', "")}"`)
  return `${quoted(prefix)}#,##0${decimals === 0 ? "" : `.${"0".repeat(decimals)}`}${quoted(suffix)}`
}

/** Whether every value is written beside its bar, and no axis is needed to read it. */
const isLabelled = ({ kind, labels, series }: DrawnChart) =>
  kind !== "line" && labels.length * series.length <= 16

const font = "+mn-lt"

const axes = (chart: DrawnChart, palette: Palette): PptxGenJS.IChartOpts => {
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
    // The value axis is behind the last label, which is the lowest or, from right to left, the leftmost.
    catAxisCrossesAt: bar || rtl ? ("max" as "autoZero") : "autoZero",
    valAxisHidden: labelled,
    valAxisLineShow: false,
    valAxisMajorTickMark: "none",
    valAxisLabelColor: palette.muted,
    valAxisLabelFontFace: font,
    valAxisLabelFontSize: 13,
    valAxisLabelFormatCode: formatCode(chart),
    ...(!negative && { valAxisMinVal: chart.minimum ?? 0 }),
    valGridLine: labelled ? { style: "none" } : { style: "solid", color: palette.line, size: 0.5 }
  }
}

export const addChart = (slide: PptxGenJS.Slide, { area, chart }: ChartItem, palette: Palette): void => {
  const { kind, labels, series } = chart
  const type = kind === "line" || kind === "doughnut" ? kind : "bar"
  const data = series.map(() => ({ name: "", labels: labels.map(() => ""), values: labels.map(() => 0) }))
  slide.addChart(type, data, {
    ...area,
    chartArea: { roundedCorners: false },
    displayBlanksAs: "gap",
    showLegend: series.length > 1,
    legendPos: "t",
    legendColor: palette.ink,
    legendFontFace: font,
    legendFontSize: 14,
    barDir: kind === "bar" ? "bar" : "col",
    barGapWidthPct: series.length > 1 ? 60 : 55,
    barOverlapPct: series.length > 1 ? -6 : 0,
    holeSize: 62,
    ...(kind !== "doughnut" && axes(chart, palette))
  })
}

/** Colours of the points of a chart of one series, where they differ. */
const pointColors = (
  { highlight, kind, labels, series }: DrawnChart,
  palette: Palette
): ReadonlyArray<Color> => {
  if (kind === "doughnut") return labels.map((_, index) => partColor(index))
  if (kind === "line" || series.length > 1 || highlight === undefined) return []
  // One point in the strong colour, where the headline speaks of one.
  return labels.map((_, index) => (index === highlight ? "accent1" : palette.quiet))
}

/** Of every value; of a line, of the last one alone: where the line has come to. */
const labelsXml = (chart: DrawnChart, values: ReadonlyArray<number | null>): string => {
  const line = chart.kind === "line"
  const small = chart.series.length > 1 && !line
  const style = `<c:numFmt formatCode="${escape(formatCode(chart))}" sourceLinked="0"/><c:spPr><a:noFill/></c:spPr><c:txPr><a:bodyPr/><a:lstStyle/><a:p><a:pPr><a:defRPr sz="${small ? 1200 : 1600}" b="${small ? 0 : 1}">${fillXml("tx1")}<a:latin typeface="${font}"/></a:defRPr></a:pPr><a:endParaRPr/></a:p></c:txPr>`
  const shown = (value: boolean) =>
    `<c:showLegendKey val="0"/><c:showVal val="${value ? 1 : 0}"/><c:showCatName val="0"/><c:showSerName val="0"/><c:showPercent val="0"/><c:showBubbleSize val="0"/>`
  if (!line) return `<c:dLbls>${style}${shown(true)}</c:dLbls>`
  const last = values.findLastIndex((value) => value !== null)
  return `<c:dLbls><c:dLbl><c:idx val="${last}"/>${style}<c:dLblPos val="t"/>${shown(true)}</c:dLbl>${shown(false)}</c:dLbls>`
}

const seriesXml = (chart: DrawnChart, palette: Palette, index: number): string => {
  const { kind, labels } = chart
  const { name = "", values = [] } = chart.series[index] ?? {}
  const [column, end] = [String.fromCharCode(66 + index), labels.length + 1]
  const line = kind === "line"
  const color = index < palette.accents.length ? `accent${index + 1}` : "tx2"
  const stroke = (width: number, fill: Color) =>
    `<a:ln w="${width}" cap="rnd">${fillXml(fill)}<a:round/></a:ln>`
  const point = (at: number, value: string | number) => `<c:pt idx="${at}"><c:v>${value}</c:v></c:pt>`
  const texts = (range: string, all: ReadonlyArray<string>) =>
    `<c:strRef><c:f>Sheet1!${range}</c:f><c:strCache><c:ptCount val="${all.length}"/>${all.map((each, at) => point(at, escape(each))).join("")}</c:strCache></c:strRef>`
  const marker = `<c:marker><c:symbol val="circle"/><c:size val="7"/><c:spPr>${fillXml(color)}${stroke(12_700, palette.background)}</c:spPr></c:marker>`
  const invert = kind === "doughnut" ? "" : '<c:invertIfNegative val="0"/>'
  const border = kind === "doughnut" ? stroke(19_050, palette.background) : ""
  const points = pointColors(chart, palette).map(
    (each, at) =>
      `<c:dPt><c:idx val="${at}"/>${invert}<c:bubble3D val="0"/><c:spPr>${fillXml(each)}${border}</c:spPr></c:dPt>`
  )
  const numbers = values.map((value, at) => (value === null ? "" : point(at, value))).join("")
  return [
    `<c:ser><c:idx val="${index}"/><c:order val="${index}"/><c:tx>${texts(`$${column}$1`, [name])}</c:tx>`,
    `<c:spPr>${line ? stroke(34_925, color) : fillXml(color)}</c:spPr>`,
    line ? marker : invert,
    ...points,
    line || (isLabelled(chart) && kind !== "doughnut") ? labelsXml(chart, values) : "",
    `<c:cat>${texts(`$A$2:$A$${end}`, labels)}</c:cat>`,
    `<c:val><c:numRef><c:f>Sheet1!$${column}$2:$${column}$${end}</c:f><c:numCache><c:formatCode>${escape(formatCode(chart))}</c:formatCode><c:ptCount val="${labels.length}"/>${numbers}</c:numCache></c:numRef></c:val>`,
    line ? '<c:smooth val="0"/></c:ser>' : "</c:ser>"
  ].join("")
}

/** A chart takes the light colour for the background, whatever the slide master says. */
const darkMap =
  '<c:clrMapOvr bg1="dk1" tx1="lt1" bg2="dk2" tx2="lt2" accent1="accent1" accent2="accent2" accent3="accent3" accent4="accent4" accent5="accent5" accent6="accent6" hlink="hlink" folHlink="folHlink"/>'

/** Series of ours, without the third axis and the second labels of pptxgenjs, which the schema does not know. */
export const repairChart = (part: Element, chart: DrawnChart, palette: Palette): void => {
  for (const plot of part.all("c:plotArea").flatMap(({ children }) => children)) {
    const at = plot.children.findIndex(({ name }) => name === "c:ser")
    if (at < 0) continue
    const head = chart.kind === "line" ? '<c:grouping val="standard"/>' : ""
    const series = chart.series.map((_, index) => seriesXml(chart, palette, index)).join("")
    const tail = plot.children.slice(at).filter(({ name }) => name !== "c:ser" && name !== "c:dLbls")
    const axis = tail.findIndex(({ name }) => name === "c:axId")
    plot.fill(
      [head, ...plot.children.slice(0, at), series, ...(axis < 0 ? tail : tail.slice(0, axis + 2))].join("")
    )
  }
  if (!palette.dark) return
  const at = part.children.findIndex(({ name }) => name === "c:chart")
  part.children.splice(at, 0, ...elements(darkMap))
}
