/** Packs files into a ZIP archive (APPNOTE 6.3.10), the container of Office documents (ECMA-376, part 2). */

export interface File {
  readonly name: string
  readonly data: string | Uint8Array<ArrayBuffer>
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1
  return value
})

const crc32 = (bytes: Uint8Array): number => {
  let value = 0xffffffff
  for (const byte of bytes) value = (table[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8)
  return (value ^ 0xffffffff) >>> 0
}

const deflate = async (bytes: Uint8Array<ArrayBuffer>) =>
  new Uint8Array(
    await new Response(
      new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"))
    ).arrayBuffer()
  )

/** A header's fields of two and four bytes, little-endian, and the file's name behind them. */
const record = (fields: ReadonlyArray<readonly [bytes: 2 | 4, value: number]>, name = new Uint8Array()) => {
  const size = fields.reduce((sum, [bytes]) => sum + bytes, 0)
  const out = new Uint8Array(size + name.length)
  const view = new DataView(out.buffer)
  let at = 0
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true)
    else view.setUint32(at, value, true)
    at += bytes
  }
  out.set(name, size)
  return out
}

/** 1 January 1980, the first day that the format knows: the archive depends on nothing but its files. */
const time = [
  [2, 0],
  [2, 0x21]
] as const

/** Names are UTF-8 with `/` between folders; folders have no entries of their own. Pictures are stored as they are. */
export const zip = async (files: ReadonlyArray<File>): Promise<Uint8Array<ArrayBuffer>> => {
  const encoder = new TextEncoder()
  const parts: Array<Uint8Array<ArrayBuffer>> = []
  const central: Array<Uint8Array<ArrayBuffer>> = []
  let offset = 0
  for (const { data, name } of files) {
    const path = encoder.encode(name)
    const bytes = typeof data === "string" ? encoder.encode(data) : data
    const stored = typeof data !== "string"
    const packed = stored ? bytes : await deflate(bytes)
    const common = [
      [2, 20],
      [2, 0x0800],
      [2, stored ? 0 : 8],
      ...time,
      [4, crc32(bytes)],
      [4, packed.length],
      [4, bytes.length],
      [2, path.length],
      [2, 0]
    ] as const
    parts.push(record([[4, 0x04034b50], ...common], path), packed)
    central.push(
      record([[4, 0x02014b50], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]], path)
    )
    offset += 30 + path.length + packed.length
  }
  const size = central.reduce((sum, { length }) => sum + length, 0)
  const end = record([
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, files.length],
    [2, files.length],
    [4, size],
    [4, offset],
    [2, 0]
  ])
  return new Uint8Array(await new Blob([...parts, ...central, end]).arrayBuffer())
}
