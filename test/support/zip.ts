/** Reads ZIP archives by their central directory (APPNOTE 6.3.10), and says where a file is not in order. */

const inflate = async (bytes: Uint8Array<ArrayBuffer>) =>
  new Uint8Array(
    await new Response(
      new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))
    ).arrayBuffer()
  )

export interface Archive {
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
  readonly problems: ReadonlyArray<string>
}

export const unzip = async (bytes: Uint8Array<ArrayBuffer>): Promise<Archive> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const problems: Array<string> = []
  const files = new Map<string, Uint8Array<ArrayBuffer>>()
  const end = bytes.length - 22
  if (end < 0 || view.getUint32(end, true) !== 0x06054b50)
    return { files, problems: ["no end of central directory"] }
  const count = view.getUint16(end + 10, true)
  let at = view.getUint32(end + 16, true)
  for (let index = 0; index < count; index++) {
    if (view.getUint32(at, true) !== 0x02014b50) problems.push(`entry ${index} is no header`)
    const method = view.getUint16(at + 10, true)
    const crc = view.getUint32(at + 16, true)
    const packed = view.getUint32(at + 20, true)
    const size = view.getUint32(at + 24, true)
    const length = view.getUint16(at + 28, true)
    const place = view.getUint32(at + 42, true)
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + length))
    if (name.endsWith("/")) problems.push(`${name} is an entry of a folder`)
    if (files.has(name)) problems.push(`${name} is there twice`)
    const start = place + 30 + view.getUint16(place + 26, true) + view.getUint16(place + 28, true)
    const stored = bytes.slice(start, start + packed)
    const data = method === 0 ? stored : await inflate(stored)
    if (data.length !== size || Bun.hash.crc32(data) !== crc) problems.push(`${name} is damaged`)
    files.set(name, data)
    at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  }
  return { files, problems }
}
