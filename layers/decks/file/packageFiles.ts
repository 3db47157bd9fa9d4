/** The files of an Office package: reads what pptxgenjs wrote as XML trees and bytes, and writes them with a fixed time. */
import { strFromU8, strToU8, unzipSync, zipSync, type Zippable } from "fflate"
import { elements, type Element } from "./xmlTree.ts"

/** The first day that ZIP knows, in the time zone of the machine, as fflate reads it. */
const mtime = new Date(1980, 0, 1)

export const zip = (files: Zippable): Uint8Array<ArrayBuffer> => zipSync(files, { mtime })

export const xmlFile = (content: Element | string): Uint8Array =>
  strToU8(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n${content}`)

export type Parts = Map<string, Element | Uint8Array>

export const get = (parts: Parts, name: string): Element => {
  const part = parts.get(name)
  if (part === undefined || part instanceof Uint8Array) throw new Error(`${name} was not written`)
  return part
}

export const relations = (parts: Parts, name: string) =>
  get(parts, name.replace(/([^/]+)$/, "_rels/$1.rels")).children

/** pptxgenjs counts charts through all decks of a process. */
export const read = (bytes: Uint8Array): Parts => {
  const files = Object.entries(unzipSync(bytes)).filter(([name]) => !/\/$|^ppt\/media\//.test(name))
  const numbers = files.flatMap(([name]) => /^ppt\/charts\/chart(\d+)/.exec(name)?.[1] ?? []).map(Number)
  const before = Math.min(...numbers) - 1
  const counted = (text: string) =>
    text.replace(
      /(chart|Worksheet)(\d+)(?=\.(?:xml|xlsx))/g,
      (_, kind, number) => `${kind}${number - before}`
    )
  return new Map(
    files.map(([name, content]) => {
      const text = /\.rels$|^\[/.test(name) ? counted(strFromU8(content)) : strFromU8(content)
      const [root] = /\.(?:xml|rels)$/.test(name) ? elements(text) : []
      return [counted(name), root ?? content]
    })
  )
}

export const write = (parts: Parts): Uint8Array<ArrayBuffer> => {
  const files: Zippable = {}
  for (const [name, part] of parts)
    files[name] =
      part instanceof Uint8Array ? [part, { level: name.startsWith("ppt/media/") ? 0 : 6 }] : xmlFile(part)
  return zip(files)
}
