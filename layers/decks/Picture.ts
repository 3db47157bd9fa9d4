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
export const mostPixels = 50_000_000
const mostSide = 20_000

const startsWith = (bytes: Uint8Array, start: ReadonlyArray<number>) =>
  start.every((value, index) => bytes[index] === value)

/** ITU-T T.81, B.1.1.3: the start-of-frame markers. */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc

const jpegSize = (bytes: Uint8Array, view: DataView) => {
  for (let at = 2; at + 9 < bytes.length;) {
    if (bytes[at] !== 0xff) return undefined
    const marker = bytes[at + 1] ?? 0
    if (marker === 0xff) {
      at++
      continue
    }
    if (isFrame(marker)) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) }
    const length = view.getUint16(at + 2)
    if (length < 2) return undefined
    at += 2 + length
  }
  return undefined
}

const turns: Readonly<Record<number, 90 | 180 | 270>> = { 3: 180, 6: 90, 8: 270 }

/** The orientation in the Exif block of a JPEG (CIPA DC-008, 4.6.4, tag 0x0112). */
const jpegTurn = (bytes: Uint8Array, view: DataView): 90 | 180 | 270 | undefined => {
  for (let at = 2; at + 4 < bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda;) {
    const length = view.getUint16(at + 2)
    const start = at + 10
    const end = Math.min(at + 2 + length, bytes.length)
    if (
      bytes[at + 1] === 0xe1 &&
      startsWith(bytes.subarray(at + 4), [0x45, 0x78, 0x69, 0x66, 0, 0]) &&
      start + 8 < end
    ) {
      const little = bytes[start] === 0x49
      const first = start + view.getUint32(start + 4, little)
      const count = first + 2 <= end ? view.getUint16(first, little) : 0
      for (let tag = first + 2; tag + 12 <= end && tag < first + 2 + count * 12; tag += 12)
        if (view.getUint16(tag, little) === 0x0112) return turns[view.getUint16(tag + 8, little)]
    }
    if (length < 2) return undefined
    at += 2 + length
  }
  return undefined
}

/** What is wrong with it, or the picture; it is not decoded. */
export const inspect = (bytes: Uint8Array<ArrayBuffer>): Picture | string => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found =
    startsWith(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) && bytes.length > 24
      ? { extension: "png" as const, size: { width: view.getUint32(16), height: view.getUint32(20) } }
      : startsWith(bytes, [0xff, 0xd8, 0xff])
        ? { extension: "jpeg" as const, size: jpegSize(bytes, view) }
        : startsWith(bytes, [0x47, 0x49, 0x46, 0x38]) && bytes.length > 10
          ? {
              extension: "gif" as const,
              size: { width: view.getUint16(6, true), height: view.getUint16(8, true) }
            }
          : undefined
  if (found === undefined) return "it is not a PNG, JPEG or GIF"
  const { extension, size } = found
  if (size === undefined || size.width < 1 || size.height < 1) return "its size cannot be read"
  if (size.width > mostSide || size.height > mostSide || size.width * size.height > mostPixels)
    return `it has ${size.width} × ${size.height} pixels, which is too many`
  const turn = extension === "jpeg" ? jpegTurn(bytes, view) : undefined
  const turned = turn === 90 || turn === 270 ? { width: size.height, height: size.width } : size
  return { extension, bytes, ...turned, ...(turn !== undefined && { turn }) }
}
