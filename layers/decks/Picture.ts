/** Pictures that may go into a deck: which kinds, and their size as their first bytes say it. */

export interface Picture {
  readonly extension: "png" | "jpeg" | "gif"
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Pixels. */
  readonly width: number
  readonly height: number
  /** Degrees clockwise that a photo is to be turned by (Exif orientation 8, 3, 6); size: after turning. */
  readonly turn?: 90 | 180 | 270
}

/** No screen or printer shows more of it, and a viewer has to hold every pixel. */
const mostPixels = 50_000_000
const mostSide = 20_000

/** The segments of a JPEG before its image data: their markers, and where they begin (ITU-T T.81, B.1.1). */
function* segments(bytes: Uint8Array, view: DataView) {
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1] ?? 0
    const length = view.getUint16(at + 2)
    if (marker === 0xff) at++
    else if (length < 2 || marker === 0xda) return
    else {
      yield { marker, at, end: Math.min(at + 2 + length, bytes.length) }
      at += 2 + length
    }
  }
}

const turns: Readonly<Record<number, 90 | 180 | 270>> = { 3: 180, 6: 90, 8: 270 }

/** The orientation in the Exif block of a JPEG (CIPA DC-008, 4.6.4, tag 0x0112). */
const exifTurn = (view: DataView, at: number, end: number) => {
  const start = at + 10
  if (view.getUint32(at + 4) !== 0x45_78_69_66 || start + 8 >= end) return undefined
  const little = view.getUint8(start) === 0x49
  const first = start + view.getUint32(start + 4, little)
  const count = first + 2 <= end ? view.getUint16(first, little) : 0
  for (let tag = first + 2; tag + 12 <= end && tag < first + 2 + count * 12; tag += 12)
    if (view.getUint16(tag, little) === 0x0112) return turns[view.getUint16(tag + 8, little)]
  return undefined
}

const readJpeg = (bytes: Uint8Array, view: DataView) => {
  let turn: Picture["turn"]
  for (const { at, end, marker } of segments(bytes, view)) {
    if (marker === 0xe1) turn ??= exifTurn(view, at, end)
    // Start of a frame: C0 to CF, besides three other tables.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5), ...(turn && { turn }) }
  }
  return undefined
}

const readSize = (bytes: Uint8Array, view: DataView) => {
  if (bytes.length < 26) return undefined
  if (view.getUint32(0) === 0x89_50_4e_47 && view.getUint32(4) === 0x0d_0a_1a_0a)
    return { extension: "png" as const, width: view.getUint32(16), height: view.getUint32(20) }
  if (view.getUint32(0) === 0x47_49_46_38)
    return { extension: "gif" as const, width: view.getUint16(6, true), height: view.getUint16(8, true) }
  if (view.getUint32(0) >>> 8 !== 0xff_d8_ff) return undefined
  return { extension: "jpeg" as const, width: 0, height: 0, ...readJpeg(bytes, view) }
}

/** The picture, or why it cannot be shown; it is not decoded. */
export const inspect = (bytes: Uint8Array<ArrayBuffer>): Picture | string => {
  const found = readSize(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  if (found === undefined) return "it is not a PNG, JPEG or GIF"
  const { height, width } = found
  if (width < 1 || height < 1) return "its size cannot be read"
  if (width > mostSide || height > mostSide || width * height > mostPixels)
    return `it has ${width} × ${height} pixels, which is too many`
  const isTurned = "turn" in found && found.turn !== 180
  return { ...found, bytes, ...(isTurned && { width: height, height: width }) }
}
