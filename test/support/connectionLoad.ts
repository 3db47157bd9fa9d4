/**
 * Load of new TLS connections from a separate process: `bun connectionLoad.ts <port> <connections> [<host>]`. Prints what
 * failed, and the 99th percentile of the time from connecting to the end of a fast response, in milliseconds.
 */
import { connect } from "node:tls"

/** Before the handshake has finished, a client can retry without harm; after it, a request is lost. */
type Outcome = "served" | "refused" | "lost"

const [port = 0, total = 0] = process.argv.slice(2).map(Number)
const host = process.argv[4]
const concurrency = 8

const request = (path: string) =>
  new Promise<Outcome>((resolve) => {
    let isOpen = false
    let received = ""
    const socket = connect(
      { host: "127.0.0.1", port, servername: host ?? "a.example", rejectUnauthorized: false },
      () => {
        isOpen = true
        socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host ?? "localhost"}\r\nConnection: close\r\n\r\n`)
      }
    )
    socket.on("data", (bytes: Buffer) => (received += bytes.toString()))
    const end = () => resolve(received.includes("complete") ? "served" : isOpen ? "lost" : "refused")
    socket.on("error", end).on("close", end)
  })

const counts: Record<Outcome, number> = { served: 0, refused: 0, lost: 0 }
const times: Array<number> = []
let left = total
const worker = async (path: string) => {
  while (left-- > 0) {
    const started = performance.now()
    const outcome = await request(path)
    counts[outcome]++
    if (path === "/fast" && outcome === "served") times.push(performance.now() - started)
  }
}
await Promise.all(Array.from({ length: concurrency }, (_, index) => worker(index === 0 ? "/slow" : "/fast")))
const p99 = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0
console.log(JSON.stringify({ ...counts, p99 }))
