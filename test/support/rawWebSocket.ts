/** A raw WebSocket client: writes any bytes as frames, and reads only on request. */
import net from "node:net"
import { Effect } from "effect"

const handshake = (url: URL, headers: Record<string, string>) =>
  [
    `GET ${url.pathname} HTTP/1.1`,
    ...Object.entries({
      host: url.host,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers
    }).map(([name, value]) => `${name}: ${value}`),
    "\r\n"
  ].join("\r\n")

export const opcodes = { text: 1, binary: 2, reserved: 3, close: 8 }

export interface FrameOptions {
  readonly opcode?: number
  readonly masked?: boolean
  /** RSV1: permessage-deflate marks compressed messages with it. */
  readonly reserved?: boolean
  /** Length in the header, which may differ from the payload's. */
  readonly length?: bigint
}

/** One final frame (RFC 6455, section 5.2), masked with zeros. */
export const frame = (payload: string | Uint8Array, options: FrameOptions = {}) => {
  const { masked = true, opcode = opcodes.text, reserved = false } = options
  const body = Buffer.from(payload)
  const length = options.length ?? BigInt(body.length)
  const mask = masked ? 0x80 : 0
  const head = Buffer.alloc(10)
  head[0] = 0x80 | (reserved ? 0x40 : 0) | opcode
  let used = 2
  if (length < 126n) head[1] = mask | Number(length)
  else if (length < 65536n) {
    head[1] = mask | 126
    used = head.writeUInt16BE(Number(length), 2)
  } else {
    head[1] = mask | 127
    used = head.writeBigUInt64BE(length, 2)
  }
  return Buffer.concat([head.subarray(0, used), ...(masked ? [Buffer.alloc(4)] : []), body])
}

/** The complete frames in a server's bytes. */
export const frames = (bytes: Buffer) => {
  const found: Array<{ opcode: number; compressed: boolean; payload: Buffer }> = []
  for (let at = 0; at + 2 <= bytes.length;) {
    const [first = 0, short = 0] = bytes.subarray(at, at + 2)
    const head = short === 126 ? 4 : short === 127 ? 10 : 2
    if (at + head > bytes.length) break
    const length =
      short === 126
        ? bytes.readUInt16BE(at + 2)
        : short === 127
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short
    if (at + head + length > bytes.length) break
    const payload = bytes.subarray(at + head, at + head + length)
    found.push({ opcode: first & 0x0f, compressed: (first & 0x40) !== 0, payload })
    at += head + length
  }
  return found
}

/** The code of a close frame; 1006 if the connection ended without one (RFC 6455, section 7.1.5). */
export const closeCode = (bytes: Buffer) =>
  frames(bytes)
    .find(({ opcode }) => opcode === opcodes.close)
    ?.payload.readUInt16BE(0) ?? 1006

/** Connects and completes the handshake; `head` is the response's, later bytes are in `received`. */
export const rawSocket = (url: URL, headers: Record<string, string> = {}) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const socket = net.connect(Number(url.port), url.hostname)
      let bytes = Buffer.alloc(0)
      const { promise: shaken, resolve } = Promise.withResolvers<string>()
      const ended = Promise.withResolvers<void>()
      socket.on("data", (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk])
        const end = bytes.indexOf("\r\n\r\n")
        if (end >= 0) resolve(bytes.subarray(0, end).toString())
      })
      socket.on("error", () => {})
      socket.on("close", () => ended.resolve())
      socket.write(handshake(url, headers))
      const head = await shaken
      return {
        socket,
        head,
        status: Number(head.split(" ")[1]),
        received: () => bytes.subarray(head.length + 4),
        /** All received bytes, once the server has closed the connection. */
        ended: Effect.promise(async () => {
          await ended.promise
          return bytes.subarray(head.length + 4)
        })
      }
    }),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )
