/** New TLS connections to a published application while its certificate is replaced, beside the same without replacements. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect } from "node:tls"
import { Effect } from "effect"
import { make, type Made } from "../../support/certificates.ts"
import { own, start } from "../support/process.ts"
import { compare, type Effort, type Row, type Side } from "../support/Row.ts"
import { adminToken, oursAuthenticated, peer } from "../support/servers.ts"

const name = "certificate swaps"
const host = "app.example.com"
/** Certificates of further hosts, which each replacement loads as well. */
const domains = Array.from({ length: 99 }, (_, index) => `host-${index}.example.com`)
/** A slow replacement is a failure, in milliseconds. */
const longestSwap = 10_000

const loadScript = new URL("../../support/connectionLoad.ts", import.meta.url).pathname

interface Outcome {
  readonly served: number
  readonly refused: number
  readonly lost: number
  readonly p99: number
}

const load = async (port: number, connections: number): Promise<Outcome> => {
  const command = [process.execPath, loadScript, String(port), String(connections), host]
  const child = own(Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" }))
  return JSON.parse(await new Response(child.stdout).text())
}

const freePort = (): number => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } })
  listener.stop(true)
  return listener.port
}

/** SHA-256 of the certificate that new connections get; empty while they are refused. */
const servedNow = (port: number) =>
  new Promise<string>((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, servername: host, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.on("error", () => resolve(""))
  })

/** Uploads one certificate after the other, each once the one before is served, until it is stopped. */
const replace = (url: string, port: number, certificates: ReadonlyArray<Made>) => {
  const stopped = new AbortController()
  let swaps = 0
  const swap = async ({ cert, key }: Made) => {
    const response = await fetch(new URL("/edge/certificates", url), {
      method: "POST",
      headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
      body: JSON.stringify({ certificate: cert, private_key: key })
    })
    if (response.status !== 201) throw new Error(`not uploaded: ${await response.text()}`)
    const { fingerprint_sha256: uploaded } = (await response.json()) as { fingerprint_sha256: string }
    for (const began = performance.now(); (await servedNow(port)) !== uploaded;) {
      if (performance.now() - began > longestSwap) throw new Error("the uploaded certificate is not served")
      await Bun.sleep(20)
    }
    swaps++
  }
  const loop = async () => {
    while (!stopped.signal.aborted) for (const each of certificates) await swap(each)
    return swaps
  }
  const done = loop()
  const stop = () => {
    stopped.abort()
    return done
  }
  return { stop, done }
}

const side = (subject: string, { quick }: Effort, isReplaced: boolean): Side => ({
  name: subject,
  open: async (scope) => {
    const target = new URL(scope.use(await start(peer("application", "application.ts"))).url).origin
    const dir = mkdtempSync(join(tmpdir(), "manifold-bench-swaps-"))
    scope.defer(() => rmSync(dir, { recursive: true, force: true }))
    const https_port = freePort()
    const { url } = scope.use(
      await start({
        ...oursAuthenticated,
        config: {
          ...oursAuthenticated.config,
          storage: { dir },
          edge: { domains, host: "127.0.0.1", https_port }
        }
      })
    )
    const published = await fetch(new URL("/edge/proxies", url), {
      method: "POST",
      headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
      body: JSON.stringify({ hostname: host, target_url: target })
    })
    if (published.status !== 201) throw new Error(`not published: ${await published.text()}`)
    const certificates = await Effect.runPromise(
      Effect.scoped(Effect.all([make({ names: [host] }), make({ names: [host] })]))
    )
    await load(https_port, 200)
    return async () => {
      const connections = quick ? 4000 : 10_000
      const replacing = isReplaced ? replace(url, https_port, certificates) : undefined
      const loading = load(https_port, connections)
      const outcome = await Promise.race([loading, replacing?.done.then(() => loading) ?? loading])
      if (replacing !== undefined && (await replacing.stop()) === 0) throw new Error("nothing was replaced")
      const { lost, p99, refused } = outcome
      return [lost, (1000 * refused) / connections, p99]
    }
  }
})

const measures = [
  { measure: `${name}, requests lost`, unit: "requests", better: "less" },
  { measure: `${name}, new connections refused`, unit: "of 1,000", better: "less" },
  { measure: `${name}, connection and response, p99`, unit: "ms", better: "less" }
] as const

export const certificateSwaps: Row = {
  name,
  run: (effort) =>
    compare(
      measures,
      side("manifold", effort, true),
      side("manifold, no swaps", effort, false),
      effort.rounds
    )
}
