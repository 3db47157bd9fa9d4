/** HTTP/2 frame by frame over TLS (RFC 9113), for requests that client libraries do not send. */
import { connect } from "node:tls"

export const types = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9
} as const

export const endStream = 1
export const endHeaders = 4

export const frame = (
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array()
) => {
  const bytes = Buffer.alloc(9 + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(stream, 5)
  bytes.set(payload, 9)
  return bytes
}

/** A string literal without Huffman coding (RFC 7541, section 5.2). */
const literal = (text: string) => {
  const bytes = Buffer.from(text, "latin1")
  const length: Array<number> = []
  if (bytes.length < 127) length.push(bytes.length)
  else {
    length.push(127)
    let rest = bytes.length - 127
    for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128)
    length.push(rest)
  }
  return Buffer.concat([Buffer.from(length), bytes])
}

export type Field = readonly [name: string, value: string]

/** A block of literal fields that are not indexed (RFC 7541, section 6.2.2), in their order. */
export const fields = (list: ReadonlyArray<Field>) =>
  Buffer.concat(list.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]))

export interface Http2Request {
  readonly authority: string
  readonly path?: string
  readonly method?: string
}

export const request = (
  { authority, method = "GET", path = "/" }: Http2Request,
  more: ReadonlyArray<Field> = []
) => fields([[":method", method], [":scheme", "https"], [":path", path], [":authority", authority], ...more])

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** A connection after its preface, and all frames that it has received. */
export const dialHttp2 = async (port: number, servername: string) => {
  const frames: Array<Frame> = []
  let pending = Buffer.alloc(0)
  let wake = Promise.withResolvers<void>()
  let isClosed = false
  const stir = () => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  const opened = Promise.withResolvers<void>()
  const socket = connect(
    { port, host: "127.0.0.1", servername, ALPNProtocols: ["h2"], rejectUnauthorized: false },
    opened.resolve
  )
  socket.on("data", (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes])
    while (pending.length >= 9) {
      const end = 9 + pending.readUIntBE(0, 3)
      if (pending.length < end) break
      const [type = 0, flags = 0] = pending.subarray(3, 5)
      frames.push({ type, flags, stream: pending.readUInt32BE(5), payload: pending.subarray(9, end) })
      pending = pending.subarray(end)
    }
    stir()
  })
  socket.on("error", opened.reject)
  socket.on("close", () => {
    isClosed = true
    stir()
  })
  await opened.promise
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
  socket.write(frame(types.settings, 0, 0))
  /** Resolves when a frame fits, with true, or when the connection has ended. */
  const until = async (fits: (frame: Frame) => boolean): Promise<boolean> => {
    while (!frames.some(fits)) {
      if (isClosed) return false
      await wake.promise
    }
    return true
  }
  return {
    frames,
    isClosed: () => isClosed,
    /** Resolves once the bytes are sent, or the connection has ended. */
    write: async (bytes: Uint8Array): Promise<void> => {
      if (isClosed || socket.write(bytes)) return
      await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), until(() => false)])
    },
    until,
    /** The error code of GOAWAY (RFC 9113, section 7), once the connection has ended. */
    goneAway: async (): Promise<number | undefined> => {
      await until(() => false)
      return frames.find(({ type }) => type === types.goAway)?.payload.readUInt32BE(4)
    },
    end: () => void socket.destroy()
  }
}

export type Http2Connection = Awaited<ReturnType<typeof dialHttp2>>
