/** Load from a second process: wrk if it is installed, otherwise the bundled client. */
import { join } from "node:path"
import { own, rssOfAll, type Running } from "./process.ts"
import type { Wire } from "./protocol.ts"

const connections = 32
const sampleEvery = 100

export interface Figures {
  readonly requests: number
  readonly seconds: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly errors: number
}

const wrk = Bun.which("wrk")
export const generator = wrk === null ? "bundled client" : "wrk"

const file = (name: string) => join(import.meta.dir, name)

const command = (url: string, seconds: number) =>
  wrk === null
    ? [process.execPath, file("client.ts"), url, String(connections), String(seconds)]
    : [wrk, "-t1", `-c${connections}`, `-d${seconds}s`, "-s", file("load.lua"), url]

/**
 * Calls for the given seconds; also measures the server's peak memory in bytes. `pause`: mean milliseconds between the calls of a
 * connection, so that servers of different speed are called at an equal rate. Default: none.
 */
export const load = async ({ pid, url }: Running, { body, headers }: Wire, seconds: number, pause = 0) => {
  const child = own(
    Bun.spawn(command(url, seconds), {
      env: {
        ...process.env,
        BENCH_BODY: body,
        BENCH_PAUSE: String(pause),
        BENCH_HEADERS_JSON: JSON.stringify(headers),
        BENCH_HEADERS: Object.entries(headers)
          .map(([name, value]) => `${name}: ${value}`)
          .join("\n")
      },
      stdout: "pipe",
      stderr: "inherit"
    })
  )
  let peak = 0
  const sampling = setInterval(() => (peak = Math.max(peak, rssOfAll(pid) ?? 0)), sampleEvery)
  const said = await new Response(child.stdout).text().finally(() => clearInterval(sampling))
  const [, result] = /^result (.*)$/m.exec(said) ?? []
  if (result === undefined) throw new Error(`no result from the load: ${said.slice(0, 100)}`)
  const figures = JSON.parse(result) as Figures
  if (figures.errors > 0) throw new Error(`${figures.errors} of ${figures.requests} calls failed`)
  return { ...figures, peak: peak === 0 ? undefined : peak }
}
