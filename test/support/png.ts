/** Writes pictures as PNG (W3C, third edition): contact sheets, and pictures that tests put into decks. */
import { deflateSync } from "node:zlib"
import type { Pixmap } from "./office.ts"

const chunk = (type: string, data: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(data.length + 12)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, data.length)
  bytes.set(new TextEncoder().encode(type), 4)
  bytes.set(data, 8)
  view.setUint32(data.length + 8, Bun.hash.crc32(bytes.subarray(4, data.length + 8)))
  return bytes
}

export const png = ({ data, height, width }: Pixmap): Uint8Array<ArrayBuffer> => {
  const rows = new Uint8Array((width * 3 + 1) * height)
  for (let y = 0; y < height; y++)
    rows.set(data.subarray(y * width * 3, (y + 1) * width * 3), y * (width * 3 + 1) + 1)
  const head = new Uint8Array(13)
  const view = new DataView(head.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  head.set([8, 2, 0, 0, 0], 8)
  return new Uint8Array(
    Buffer.concat([
      new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
      chunk("IHDR", head),
      chunk("IDAT", new Uint8Array(deflateSync(rows, { level: 9 }))),
      chunk("IEND", new Uint8Array())
    ])
  )
}

export interface Rectangle {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
  /** `#RRGGBB`. */
  readonly color: string
}

/** Rectangles over each other, the first at the bottom. */
export const painted = (width: number, height: number, rectangles: ReadonlyArray<Rectangle>): Pixmap => {
  const data = new Uint8Array(width * height * 3).fill(255)
  for (const { color, h, w, x, y } of rectangles) {
    const value = Number.parseInt(color.slice(1), 16)
    const rgb = [(value >> 16) & 255, (value >> 8) & 255, value & 255]
    for (let row = y; row < Math.min(y + h, height); row++) {
      for (let column = x; column < Math.min(x + w, width); column++)
        data.set(rgb, (row * width + column) * 3)
    }
  }
  return { width, height, data }
}

/** Pictures of one size beside and under each other, with a margin around each. */
export const sheet = (pictures: ReadonlyArray<Pixmap>, columns: number, margin: number): Pixmap => {
  const [first] = pictures
  if (first === undefined) return { width: 1, height: 1, data: new Uint8Array(3) }
  const [cellWidth, cellHeight] = [first.width + margin, first.height + margin]
  const rows = Math.ceil(pictures.length / columns)
  const width = cellWidth * columns + margin
  const height = cellHeight * rows + margin
  const data = new Uint8Array(width * height * 3).fill(0xd8)
  for (const [index, picture] of pictures.entries()) {
    const left = margin + (index % columns) * cellWidth
    const top = margin + Math.floor(index / columns) * cellHeight
    for (let y = 0; y < picture.height; y++) {
      const row = picture.data.subarray(y * picture.width * 3, (y + 1) * picture.width * 3)
      data.set(row, ((top + y) * width + left) * 3)
    }
  }
  return { width, height, data }
}
