/** Charts as DrawingML (ECMA-376, part 1, 21.2), with the workbook in which PowerPoint edits their numbers. */
import type { Chart } from "../outline/Outline.ts"
import { solid } from "./drawing.ts"
import type { Palette } from "../Theme.ts"
import { declaration, escape } from "./xml.ts"
import { zip, type File } from "./zip.ts"

const column = (index: number) => String.fromCharCode(65 + index)

/** A number format: grouped, with as many decimals as the values have, and with what stands around them. */
export const formatCode = ({ prefix = "", series, suffix = "" }: Chart): string => {
  const values = series.flatMap((each) => each.values)
  const decimals = Math.min(
    2,
    Math.max(0, ...values.map((value) => (String(Math.round(value * 100) / 100).split(".")[1] ?? "").length))
  )
  const quoted = (text: string) => (text === "" ? "" : `"${text.replaceAll('"', "")}"`)
  return `${quoted(prefix)}#,##0${decimals === 0 ? "" : `.${"0".repeat(decimals)}`}${quoted(suffix)}`
}

const text = (size: number, color: string, bold = false) =>
  `<c:txPr><a:bodyPr/><a:lstStyle/><a:p><a:pPr><a:defRPr sz="${size * 100}" b="${Number(bold)}">${solid(color)}<a:latin typeface="+mn-lt"/><a:ea typeface="+mn-ea"/><a:cs typeface="+mn-cs"/></a:defRPr></a:pPr><a:endParaRPr/></a:p></c:txPr>`

const noLine = "<a:ln><a:noFill/></a:ln>"

const references = ({ labels, series }: Chart, index: number, code: string) => {
  const rows = labels.length + 1
  const name = series[index]?.name ?? ""
  const values = series[index]?.values ?? []
  const points = (all: ReadonlyArray<string | number>) =>
    `<c:ptCount val="${all.length}"/>${all.map((value, at) => `<c:pt idx="${at}"><c:v>${escape(String(value))}</c:v></c:pt>`).join("")}`
  const letter = column(index + 1)
  return {
    title: `<c:tx><c:strRef><c:f>Sheet1!$${letter}$1</c:f><c:strCache>${points([name])}</c:strCache></c:strRef></c:tx>`,
    labels: `<c:cat><c:strRef><c:f>Sheet1!$A$2:$A$${rows}</c:f><c:strCache>${points(labels)}</c:strCache></c:strRef></c:cat>`,
    values: `<c:val><c:numRef><c:f>Sheet1!$${letter}$2:$${letter}$${rows}</c:f><c:numCache><c:formatCode>${escape(code)}</c:formatCode>${points(values)}</c:numCache></c:numRef></c:val>`
  }
}

const labelsXml = (code: string, color: string, size: number, position: string | undefined, bold = false) =>
  `<c:dLbls><c:numFmt formatCode="${escape(code)}" sourceLinked="0"/><c:spPr><a:noFill/>${noLine}</c:spPr>${text(size, color, bold)}${position === undefined ? "" : `<c:dLblPos val="${position}"/>`}<c:showLegendKey val="0"/><c:showVal val="1"/><c:showCatName val="0"/><c:showSerName val="0"/><c:showPercent val="0"/><c:showBubbleSize val="0"/></c:dLbls>`

const axes = (chart: Chart, palette: Palette, code: string, labelled: boolean) => {
  const bar = chart.kind === "bar"
  const size = chart.labels.length > 12 ? 12 : 14
  const category = `<c:catAx><c:axId val="111111111"/><c:scaling><c:orientation val="${bar ? "maxMin" : "minMax"}"/></c:scaling><c:delete val="0"/><c:axPos val="${bar ? "l" : "b"}"/><c:numFmt formatCode="General" sourceLinked="0"/><c:majorTickMark val="none"/><c:minorTickMark val="none"/><c:tickLblPos val="low"/><c:spPr><a:ln w="9525">${solid(palette.line)}</a:ln></c:spPr>${text(size, palette.ink)}<c:crossAx val="222222222"/><c:crosses val="autoZero"/><c:auto val="0"/><c:lblAlgn val="ctr"/><c:lblOffset val="100"/><c:noMultiLvlLbl val="0"/></c:catAx>`
  const least = chart.series.some(({ values }) => values.some((value) => value < 0)) ? "" : '<c:min val="0"/>'
  const grid = labelled
    ? ""
    : `<c:majorGridlines><c:spPr><a:ln w="6350">${solid(palette.line)}</a:ln></c:spPr></c:majorGridlines>`
  const value = `<c:valAx><c:axId val="222222222"/><c:scaling><c:orientation val="minMax"/>${least}</c:scaling><c:delete val="${Number(labelled)}"/><c:axPos val="${bar ? "t" : "l"}"/>${grid}<c:numFmt formatCode="${escape(code)}" sourceLinked="0"/><c:majorTickMark val="none"/><c:minorTickMark val="none"/><c:tickLblPos val="nextTo"/><c:spPr>${noLine}</c:spPr>${text(13, palette.muted)}<c:crossAx val="111111111"/><c:crosses val="${bar ? "max" : "autoZero"}"/><c:crossBetween val="between"/></c:valAx>`
  return category + value
}

const seriesColor = (palette: Palette, index: number) =>
  index < palette.accents.length ? `accent${index + 1}` : palette.muted

/** One point in the strong colour, where the headline speaks of one and the rest stands back. */
const highlighted = (chart: Chart, palette: Palette) =>
  chart.highlight === undefined || chart.series.length > 1
    ? ""
    : chart.labels
        .map((_, index) =>
          index === chart.highlight
            ? ""
            : `<c:dPt><c:idx val="${index}"/><c:invertIfNegative val="0"/><c:bubble3D val="0"/><c:spPr>${solid(palette.quiet)}</c:spPr></c:dPt>`
        )
        .join("")

const bars = (chart: Chart, palette: Palette, code: string, labelled: boolean) => {
  const several = chart.series.length > 1
  const series = chart.series
    .map((_, index) => {
      const { labels, title, values } = references(chart, index, code)
      const size = several ? 12 : 16
      const shown = labelled ? labelsXml(code, palette.ink, size, "outEnd", !several) : ""
      return `<c:ser><c:idx val="${index}"/><c:order val="${index}"/>${title}<c:spPr>${solid(seriesColor(palette, index))}</c:spPr><c:invertIfNegative val="0"/>${highlighted(chart, palette)}${shown}${labels}${values}</c:ser>`
    })
    .join("")
  const width = several ? 60 : 55
  return `<c:barChart><c:barDir val="${chart.kind === "bar" ? "bar" : "col"}"/><c:grouping val="clustered"/><c:varyColors val="0"/>${series}<c:gapWidth val="${width}"/><c:overlap val="${several ? -6 : 0}"/><c:axId val="111111111"/><c:axId val="222222222"/></c:barChart>`
}

/** The last value alone: where a line has come to. */
const lastLabel = (chart: Chart, palette: Palette, code: string, color: string) =>
  `<c:dLbls><c:dLbl><c:idx val="${chart.labels.length - 1}"/><c:numFmt formatCode="${escape(code)}" sourceLinked="0"/><c:spPr><a:noFill/>${noLine}</c:spPr>${text(16, color, true)}<c:dLblPos val="t"/><c:showLegendKey val="0"/><c:showVal val="1"/><c:showCatName val="0"/><c:showSerName val="0"/><c:showPercent val="0"/><c:showBubbleSize val="0"/></c:dLbl><c:spPr><a:noFill/>${noLine}</c:spPr>${text(14, palette.ink)}<c:showLegendKey val="0"/><c:showVal val="0"/><c:showCatName val="0"/><c:showSerName val="0"/><c:showPercent val="0"/><c:showBubbleSize val="0"/></c:dLbls>`

const lines = (chart: Chart, palette: Palette, code: string) => {
  const series = chart.series
    .map((_, index) => {
      const { labels, title, values } = references(chart, index, code)
      const color = seriesColor(palette, index)
      return `<c:ser><c:idx val="${index}"/><c:order val="${index}"/>${title}<c:spPr><a:ln w="34925" cap="rnd">${solid(color)}<a:round/></a:ln></c:spPr><c:marker><c:symbol val="circle"/><c:size val="7"/><c:spPr>${solid(color)}<a:ln w="12700">${solid(palette.background)}</a:ln></c:spPr></c:marker>${lastLabel(chart, palette, code, palette.ink)}${labels}${values}<c:smooth val="0"/></c:ser>`
    })
    .join("")
  return `<c:lineChart><c:grouping val="standard"/><c:varyColors val="0"/>${series}<c:marker val="1"/><c:axId val="111111111"/><c:axId val="222222222"/></c:lineChart>`
}

/** Parts of a whole: the largest in the strong colour, the others in those that follow. */
const doughnut = (chart: Chart, palette: Palette, code: string) => {
  const { labels, title, values } = references(chart, 0, code)
  const order = chart.labels.map((_, index) => index)
  const colors = ["accent1", "accent3", "accent6", "accent2", "accent4", "accent5"]
  const points = order
    .map(
      (index) =>
        `<c:dPt><c:idx val="${index}"/><c:bubble3D val="0"/><c:spPr>${solid(colors[index % colors.length] ?? "accent1")}<a:ln w="19050">${solid(palette.background)}</a:ln></c:spPr></c:dPt>`
    )
    .join("")
  return `<c:doughnutChart><c:varyColors val="1"/><c:ser><c:idx val="0"/><c:order val="0"/>${title}${points}${labels}${values}</c:ser><c:firstSliceAng val="0"/><c:holeSize val="62"/></c:doughnutChart>`
}

/** Whether every value is written beside its bar, and no axis is needed to read it. */
const isLabelled = ({ kind, labels, series }: Chart) => kind !== "line" && labels.length * series.length <= 16

const legend = (palette: Palette, position: "b" | "r" | "t") =>
  `<c:legend><c:legendPos val="${position}"/><c:overlay val="0"/>${text(14, palette.ink)}</c:legend>`

/** Of a doughnut, labels with their values are drawn by the page, which can set them better than a legend. */
const chartXml = (chart: Chart, palette: Palette): string => {
  const code = formatCode(chart)
  const labelled = isLabelled(chart)
  const several = chart.series.length > 1
  const plot =
    chart.kind === "doughnut"
      ? doughnut(chart, palette, code)
      : `${chart.kind === "line" ? lines(chart, palette, code) : bars(chart, palette, code, labelled)}${axes(chart, palette, code, labelled)}`
  const map = palette.dark
    ? '<c:clrMapOvr bg1="dk1" tx1="lt1" bg2="dk2" tx2="lt2" accent1="accent1" accent2="accent2" accent3="accent3" accent4="accent4" accent5="accent5" accent6="accent6" hlink="hlink" folHlink="folHlink"/>'
    : ""
  return `${declaration}<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><c:date1904 val="0"/><c:roundedCorners val="0"/>${map}<c:chart><c:autoTitleDeleted val="1"/><c:plotArea><c:layout/>${plot}<c:spPr><a:noFill/></c:spPr></c:plotArea>${several && chart.kind !== "doughnut" ? legend(palette, "t") : ""}<c:plotVisOnly val="1"/><c:dispBlanksAs val="gap"/></c:chart><c:spPr><a:noFill/>${noLine}</c:spPr><c:txPr><a:bodyPr/><a:lstStyle/><a:p><a:pPr><a:defRPr sz="1300"/></a:pPr><a:endParaRPr/></a:p></c:txPr><c:externalData r:id="rId1"><c:autoUpdate val="0"/></c:externalData></c:chartSpace>`
}

const sheetXml = ({ labels, series }: Chart): string => {
  const word = (place: string, value: string) =>
    `<c r="${place}" t="inlineStr"><is><t>${escape(value)}</t></is></c>`
  const head = series.map(({ name }, index) => word(`${column(index + 1)}1`, name)).join("")
  const rows = labels
    .map(
      (label, row) =>
        `<row r="${row + 2}">${word(`A${row + 2}`, label)}${series.map(({ values }, index) => `<c r="${column(index + 1)}${row + 2}"><v>${values[row] ?? 0}</v></c>`).join("")}</row>`
    )
    .join("")
  return `${declaration}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">${word("A1", "")}${head}</row>${rows}</sheetData></worksheet>`
}

const relationships = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
const packageRelationships = "http://schemas.openxmlformats.org/package/2006/relationships"

const workbook = (chart: Chart) =>
  zip([
    {
      name: "[Content_Types].xml",
      data: `${declaration}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`
    },
    {
      name: "_rels/.rels",
      data: `${declaration}<Relationships xmlns="${packageRelationships}"><Relationship Id="rId1" Type="${relationships}/officeDocument" Target="xl/workbook.xml"/></Relationships>`
    },
    {
      name: "xl/workbook.xml",
      data: `${declaration}<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="${relationships}"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`
    },
    {
      name: "xl/_rels/workbook.xml.rels",
      data: `${declaration}<Relationships xmlns="${packageRelationships}"><Relationship Id="rId1" Type="${relationships}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`
    },
    { name: "xl/worksheets/sheet1.xml", data: sheetXml(chart) }
  ])

/** The parts of the chart of that number, which counts from 1. */
export const chartParts = async (
  chart: Chart,
  number: number,
  palette: Palette
): Promise<ReadonlyArray<File>> => [
  { name: `ppt/charts/chart${number}.xml`, data: chartXml(chart, palette) },
  {
    name: `ppt/charts/_rels/chart${number}.xml.rels`,
    data: `${declaration}<Relationships xmlns="${packageRelationships}"><Relationship Id="rId1" Type="${relationships}/package" Target="../embeddings/Workbook${number}.xlsx"/></Relationships>`
  },
  { name: `ppt/embeddings/Workbook${number}.xlsx`, data: await workbook(chart) }
]
