/** The measured servers: manifold, started as a user starts it, and the peers. */
import { join } from "node:path"
import type { Subject } from "./process.ts"

const bun = process.execPath
const file = (path: string) => join(import.meta.dir, "..", path)
const main = file("../../src/main.ts")

/** Limits above any load of the bench: calls are counted and never rejected. */
const ample = { calls: 1_000_000_000 }
const http = { command: [bun, main, "serve", "--http"], env: { PORT: "0" } }

/** As in production: metrics, and a log of every call on standard output and in a file. */
export const ours: Subject = {
  ...http,
  name: "manifold",
  config: { limits: { principal: ample, address: ample, total: ample }, logging: { file: "manifold.log" } }
}
/** Two processes on one port. */
export const oursTwice: Subject = {
  ...ours,
  name: "manifold, two workers",
  command: [...ours.command, "--workers", "2"]
}
/** The same program without metrics and call log, to measure their cost. */
export const oursSilent: Subject = {
  ...http,
  name: "manifold, no log, no rates",
  config: { limits: { enabled: false }, logging: { level: "warn" } }
}
/** An administrator's token, which creates the stored one of the measured calls. */
export const adminToken = "bench-0123456789abcdef0123456789abcdef"
export const oursAuthenticated: Subject = {
  ...ours,
  name: "manifold, stored token",
  config: {
    ...ours.config,
    auth: {
      anonymous_loopback: true,
      tokens: [{ name: "admin", token: adminToken, scopes: ["read", "call", "admin"] }]
    }
  }
}
export const oursAnonymous: Subject = { ...oursAuthenticated, name: "manifold, anonymous" }
export const oursStdio: Subject = { name: "manifold", command: [bun, main, "serve"] }

const sdkHttp = [bun, file("peers/sdk.ts"), "http"]
export const sdk: Subject = { name: "SDK server", command: sdkHttp }
export const sdkJson: Subject = { name: "SDK server, JSON", command: sdkHttp, path: "/json" }
export const sdkSse: Subject = { name: "SDK server, SSE", command: sdkHttp, path: "/sse" }
export const sdkStdio: Subject = { name: "SDK server", command: [bun, file("peers/sdk.ts")] }

export const effect: Subject = { name: "Effect McpServer", command: [bun, file("peers/effect.ts")] }

/** fastmcp runs on Node if it is installed. */
const node = Bun.which("node")
const fastmcpCommand = [node ?? bun, file("peers/fastmcp.mjs")]
const fastmcpName = node === null ? "fastmcp on Bun" : "fastmcp on Node"
export const fastmcpStdio: Subject = { name: fastmcpName, command: fastmcpCommand }
export const fastmcpSessions: Subject = { name: fastmcpName, command: [...fastmcpCommand, "http"] }
export const fastmcpStateless: Subject = {
  name: `${fastmcpName}, stateless`,
  command: [...fastmcpCommand, "http", "stateless"]
}

/** A file in `peers/` with its arguments; `.mjs` runs on Node.js if it is installed. */
export const peer = (name: string, path: string, ...args: ReadonlyArray<string>): Subject => ({
  name,
  command: [path.endsWith(".mjs") ? (node ?? bun) : bun, file(`peers/${path}`), ...args],
  path: "/"
})

/** The same server, with a request that triggers a garbage collection (see `collect.mjs`). */
export const collectable = (subject: Subject): Subject => {
  const [runtime = bun, ...rest] = subject.command
  const flags = runtime === node ? ["--expose-gc", "--import"] : ["--preload"]
  return { ...subject, command: [runtime, ...flags, file("support/collect.mjs"), ...rest] }
}
