/** The workbook in which PowerPoint edits the numbers of a chart (ISO/IEC 29500-1, part SpreadsheetML). */
import type { DrawnChart } from "../page/Item.ts"
import { xmlFile, zip } from "./packageFiles.ts"
import { escape } from "./xmlTree.ts"

const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
const packages = "http://schemas.openxmlformats.org/package/2006"
const main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
const type = "application/vnd.openxmlformats-officedocument.spreadsheetml"

const relation = (kind: string, target: string) =>
  `<Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${office}/${kind}" Target="${target}"/></Relationships>`

const cell = (value: string | number | null | undefined, place: string): string => {
  if (value === null || value === undefined) return ""
  if (typeof value === "number") return `<c r="${place}"><v>${value}</v></c>`
  return `<c r="${place}" t="inlineStr"><is><t>${escape(value)}</t></is></c>`
}

export const workbook = ({ labels, series }: DrawnChart): Uint8Array => {
  const head = ["", ...series.map(({ name }) => name)]
  const rows = labels.map((label, index) => [label, ...series.map(({ values }) => values[index])])
  const sheet = [head, ...rows].map((row, at) => {
    const cells = row.map((value, column) => cell(value, `${String.fromCharCode(65 + column)}${at + 1}`))
    return `<row r="${at + 1}">${cells.join("")}</row>`
  })
  const parts = {
    "[Content_Types].xml": `<Types xmlns="${packages}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="${type}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${type}.worksheet+xml"/></Types>`,
    "_rels/.rels": relation("officeDocument", "xl/workbook.xml"),
    "xl/workbook.xml": `<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    "xl/_rels/workbook.xml.rels": relation("worksheet", "worksheets/sheet1.xml"),
    "xl/worksheets/sheet1.xml": `<worksheet xmlns="${main}"><sheetData>${sheet.join("")}</sheetData></worksheet>`
  }
  const files = Object.entries(parts).map(([name, content]) => [name, xmlFile(content)])
  return zip(Object.fromEntries(files))
}
