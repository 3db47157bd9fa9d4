/** Load of new TLS connections from a separate process: `bun connectionLoad.ts <port> <connections>`. Prints what failed. */
import { connect } from "node:tls"

/** Before the handshake has finished, a client can retry without harm; after it, a request is lost. */
type Outcome = "served" | "refused" | "lost"

const [port = 0, total = 0] = process.argv.slice(2).map(Number)
const concurrency = 8

const request = (path: string) =>
  new Promise<Outcome>((resolve) => {
    let isOpen = false
    let received = ""
    const socket = connect(
      { host: "127.0.0.1", port, servername: "a.example", rejectUnauthorized: false },
      () => {
        isOpen = true
        socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
      }
    )
    socket.on("data", (bytes: Buffer) => (received += bytes.toString()))
    const end = () => resolve(received.includes("complete") ? "served" : isOpen ? "lost" : "refused")
    socket.on("error", end).on("close", end)
  })

const counts: Record<Outcome, number> = { served: 0, refused: 0, lost: 0 }
let left = total
const worker = async (path: string) => {
  while (left-- > 0) counts[await request(path)]++
}
await Promise.all(Array.from({ length: concurrency }, (_, index) => worker(index === 0 ? "/slow" : "/fast")))
console.log(JSON.stringify(counts))
