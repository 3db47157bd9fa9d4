/** Puts charts of pptxgenjs into the order of the schema, with gaps for missing values, and the same numbers in their workbook. */
import { strFromU8, strToU8, unzipSync, zipSync, type Zippable } from "fflate"
import type { DrawnChart as Chart } from "../page/typesetting.ts"
import type { Palette } from "../Theme.ts"
import { chartColors, formatCode } from "./charts.ts"
import { colorXml } from "./repairShapes.ts"
import { Element, elements, escape, parse } from "./xmlTree.ts"

/** ISO/IEC 29500-4, `CT_BarSer`, `CT_LineSer` and `CT_PieSer`. */
const inSeries = [
  "idx",
  "order",
  "tx",
  "spPr",
  "invertIfNegative",
  "marker",
  "dPt",
  "dLbls",
  "cat",
  "val",
  "smooth"
]
const rank = ({ name }: Element) => inSeries.indexOf(name.slice(2))

const valueOf = (chart: Chart, series: number, row: number): number | undefined =>
  chart.series[series]?.values[row] ?? undefined

/** A label on the last value alone: where the line has come to. */
const labelLast = (labels: Element, last: number): void => {
  const label = new Element("c:dLbl", {}, [new Element("c:idx", { val: last }), ...labels.children])
  labels.children = labels.children.map((each) =>
    each.name === "c:showVal" ? new Element(each.name, { val: 0 }) : each
  )
  labels.children.unshift(label)
}

const renamed = (element: Element, name: string, children = element.children) =>
  new Element(name, element.attributes, children)

const repairSeries = (series: Element, index: number, chart: Chart, palette: Palette): void => {
  const colors = chartColors(chart, palette)
  // pptxgenjs knows neither opacity nor colours of the theme for a point.
  for (const [at, fill] of series
    .all("c:dPt")
    .flatMap((each) => each.all("a:solidFill").slice(0, 1))
    .entries())
    fill.children = [...elements(colorXml(colors[at] ?? "accent1"))]
  series.children.sort((a, b) => rank(a) - rank(b))
  if (chart.kind === "line") series.remove("c:invertIfNegative")
  if (chart.kind === "doughnut") series.remove("c:dLbls", "c:spPr")
  const category = series.child("c:cat")
  if (category !== undefined)
    category.children = category.children.map((reference) =>
      renamed(
        reference,
        "c:strRef",
        reference.children.map((each) =>
          each.name === "c:f"
            ? each
            : renamed(each, "c:strCache", [
                ...each.children.filter(({ name }) => name === "c:ptCount"),
                ...each.all("c:pt")
              ])
        )
      )
    )
  for (const cache of series.all("c:numCache")) {
    const format = new Element("c:formatCode")
    format.text = escape(formatCode(chart))
    cache.put(format, 0)
    cache.children = cache.children.filter(
      (each) => each.name !== "c:pt" || valueOf(chart, index, Number(each.attributes["idx"])) !== undefined
    )
  }
  const labels = series.child("c:dLbls")
  labels?.remove("c:showLeaderLines")
  const last = chart.series[index]?.values.findLastIndex((value) => value !== null) ?? -1
  if (chart.kind === "line" && labels !== undefined) labelLast(labels, last)
}

export const repairChart = (part: Element, chart: Chart, palette: Palette): void => {
  for (const plot of part.all("c:barChart", "c:lineChart", "c:doughnutChart")) {
    plot.remove("c:dLbls")
    if (chart.kind === "line") plot.children.unshift(new Element("c:grouping", { val: "standard" }))
    let axes = 0
    // A third axis is for charts in three dimensions.
    plot.children = plot.children.filter(({ name }) => name !== "c:axId" || ++axes <= 2)
  }
  for (const [index, series] of part.all("c:ser").entries()) repairSeries(series, index, chart, palette)
  if (!palette.dark) return
  // A chart takes the light colour for the background, whatever the slide master says.
  const same = ["accent1", "accent2", "accent3", "accent4", "accent5", "accent6", "hlink", "folHlink"]
  const swapped = { bg1: "dk1", tx1: "lt1", bg2: "dk2", tx2: "lt2" }
  const map = { ...swapped, ...Object.fromEntries(same.map((name) => [name, name])) }
  part.put(
    new Element("c:clrMapOvr", map),
    part.children.findIndex(({ name }) => name === "c:chart")
  )
}

/** pptxgenjs leaves zeros out, adds a table that no sheet has, and the time of writing. */
export const repairWorkbook = (bytes: Uint8Array, chart: Chart, created: string): Uint8Array => {
  const files: Zippable = {}
  for (const [name, content] of Object.entries(unzipSync(bytes))) {
    if (name.endsWith("/") || /^xl\/(?:tables|worksheets\/_rels)\//.test(name)) continue
    const part = parse(strFromU8(content))
    if (name === "[Content_Types].xml")
      part.children = part.children.filter(
        (each) => !String(each.attributes["PartName"]).startsWith("/xl/tables")
      )
    delete part.attributes["mc:Ignorable"]
    for (const text of part.all("t")) delete text.attributes["xml:space"]
    for (const time of part.all("dcterms:created", "dcterms:modified")) time.text = created
    for (const row of part.all("row"))
      row.children = row.children.filter((cell) => {
        const place = /^([A-Z])(\d+)$/.exec(String(cell.attributes["r"]))
        if (place === null || cell.attributes["t"] === "s") return true
        const value = valueOf(chart, (place[1] ?? "B").charCodeAt(0) - 66, Number(place[2]) - 2)
        for (const shown of cell.all("v")) shown.text = String(value)
        return value !== undefined
      })
    files[name] = xml(part)
  }
  // It is compressed as a whole, with the presentation.
  return zipSync(files, { mtime, level: 0 })
}

/** The first day that ZIP knows, in the time zone of the machine, as fflate reads it. */
export const mtime = new Date(1980, 0, 1)

export const xml = (part: Element): Uint8Array =>
  strToU8(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n${part}`)
