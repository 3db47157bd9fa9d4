/** Load without wrk: a process that calls in a loop on many connections, bounded in time and count. */
import { spread } from "./stats.ts"
import { firstId } from "./protocol.ts"

const [url = "", connections = "1", seconds = "1"] = process.argv.slice(2)
const headers = JSON.parse(process.env["BENCH_HEADERS_JSON"] ?? "{}") as Record<string, string>
const [head = "", tail = ""] = (process.env["BENCH_BODY"] ?? "").split(String(firstId))
const most = 1_000_000
/** Mean milliseconds between the calls of a connection. */
const pause = Number(process.env["BENCH_PAUSE"] ?? "0")

const latencies: Array<number> = []
let sent = 0
let errors = 0
const begin = performance.now()
const end = begin + Number(seconds) * 1000

const loop = async () => {
  while (sent < most && performance.now() < end) {
    // Random, so that the connections do not call at the same moment.
    if (pause > 0) await Bun.sleep(2 * pause * Math.random())
    const body = `${head}${firstId + ++sent}${tail}`
    const from = performance.now()
    const ok = await fetch(url, { method: "POST", headers, body }).then(
      async (answer) => (await answer.text(), answer.ok),
      () => false
    )
    latencies.push(performance.now() - from)
    if (!ok) errors++
  }
}

await Promise.all(Array.from({ length: Number(connections) }, loop))

const sorted = latencies.toSorted((a, b) => a - b)
const result = {
  requests: latencies.length,
  seconds: (performance.now() - begin) / 1000,
  p50: spread(sorted)?.median ?? 0,
  p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
  errors
}
console.log(`result ${JSON.stringify(result)}`)
