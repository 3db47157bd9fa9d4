/** Requests with curl, an independent client for HTTP/1.1 and HTTP/2. */
import { Effect } from "effect"

export const possible = Bun.which("curl") !== null

export interface Answer {
  readonly status: number
  /** `1.1` or `2`. */
  readonly version: string
  /** By lower-case name; repeated headers are joined by ", ". */
  readonly headers: ReadonlyMap<string, string>
  /** As received; decoded only with `--compressed`. */
  readonly body: Uint8Array
}

const parse = (bytes: Uint8Array): Answer => {
  const split = Buffer.from(bytes).indexOf("\r\n\r\n")
  const [first = "", ...lines] = Buffer.from(bytes.subarray(0, split)).toString("latin1").split("\r\n")
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name = "", value = ""] = /^([^:]+): *(.*)$/.exec(line) ?? []
    const before = headers.get(name.toLowerCase())
    headers.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`)
  }
  const [, version = "", status = "0"] = /^HTTP\/([\d.]+) (\d+)/.exec(first) ?? []
  return { version, status: Number(status), headers, body: bytes.subarray(split + 4) }
}

/** Fails if curl fails. */
export const curl = (url: string, ...options: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const child = Bun.spawn(["curl", "-sS", "-i", "--max-time", "20", ...options, url], {
      stdin: "ignore",
      stderr: "pipe"
    })
    const [bytes, complaint, code] = await Promise.all([
      new Response(child.stdout).bytes(),
      new Response(child.stderr).text(),
      child.exited
    ])
    if (code !== 0) throw new Error(`curl ended with ${code}: ${complaint}`)
    return parse(bytes)
  })
