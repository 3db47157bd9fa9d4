/** The parts of a presentation, as XML trees and bytes, and what was drawn on them. */
import { strFromU8, unzipSync, zipSync, type Zippable } from "fflate"
import type { Item } from "../page/Item.ts"
import type { Languages } from "../page/language.ts"
import type { Frame } from "../page/layouts.ts"
import type { DrawnChart as Chart } from "../page/typesetting.ts"
import type { Picture } from "../Picture.ts"
import type { Palette } from "../Theme.ts"
import { mtime, xml } from "./repairCharts.ts"
import { parse, type Element } from "./xmlTree.ts"

export interface LayoutPart {
  readonly frame: Frame
  readonly items: ReadonlyArray<Item>
}

/** What was drawn, in the order of the parts. */
export interface DrawnDeck {
  readonly palette: Palette
  readonly theme: string
  readonly title: string
  readonly languages: Languages
  /** ISO 8601. */
  readonly created: string
  /** The first is the master. */
  readonly layouts: ReadonlyArray<LayoutPart>
  readonly slides: ReadonlyArray<LayoutPart & { readonly notes: string }>
  readonly charts: ReadonlyArray<Chart>
  /** By their relation, as items name them. */
  readonly pictures: ReadonlyMap<string, Picture>
}

/** The name of the relationships of a part. */
export const relsOf = (name: string) => name.replace(/([^/]+)$/, "_rels/$1.rels")

export class Parts {
  readonly xml = new Map<string, Element>()
  readonly binary = new Map<string, Uint8Array>()

  get(name: string): Element {
    const part = this.xml.get(name)
    if (part === undefined) throw new Error(`${name} was not written`)
    return part
  }

  /** pptxgenjs counts charts through all decks of a process. */
  static read(bytes: Uint8Array, charts: number): Parts {
    const parts = new Parts()
    const files = unzipSync(bytes)
    const numbers = Object.keys(files).flatMap((name) => /^ppt\/charts\/chart(\d+)/.exec(name)?.[1] ?? [])
    const before = Math.max(0, ...numbers.map(Number)) - charts
    const counted = (text: string) =>
      text.replace(
        /(chart|Worksheet)(\d+)(?=\.(?:xml|xlsx))/g,
        (_, kind: string, number: string) => `${kind}${Number(number) - before}`
      )
    for (const [path, content] of Object.entries(files)) {
      if (path.endsWith("/") || path.startsWith("ppt/media/")) continue
      const name = counted(path)
      if (!/\.(?:xml|rels)$/.test(name)) parts.binary.set(name, content)
      else {
        const text = strFromU8(content)
        parts.xml.set(name, parse(/\.rels$|^\[/.test(name) ? counted(text) : text))
      }
    }
    return parts
  }

  write(): Uint8Array<ArrayBuffer> {
    const files: Zippable = {}
    for (const name of [...this.xml.keys()].toSorted()) files[name] = xml(this.get(name))
    for (const [name, bytes] of [...this.binary].toSorted(([a], [b]) => (a < b ? -1 : 1)))
      files[name] = name.startsWith("ppt/media/") ? [bytes, { level: 0 }] : bytes
    return zipSync(files, { mtime })
  }
}
