/** Pictures that may go into a deck: which kinds, and their size as their first bytes say it. */

export interface Picture {
  readonly extension: "png" | "jpeg" | "gif"
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Pixels. */
  readonly width: number
  readonly height: number
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
  return { extension, bytes, ...size }
}
