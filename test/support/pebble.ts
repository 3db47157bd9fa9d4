/** Debian's `pebble`, an ACME server for tests. Without it these tests are skipped, except in CI, which installs it. */
import { mkdtemp, rm } from "node:fs/promises"
import { createServer, connect, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe } from "bun:test"
import { Effect } from "effect"
import { type Made, make } from "./certificates.ts"

const programs = ["pebble", "pebble-challtestsrv"].map((name) => Bun.which(name))
export const hasPebble = programs.every((path) => path !== null)

/** `describe` if pebble is installed, or in CI. */
export const describePebble = (name: string, tests: () => void) =>
  hasPebble || process.env["CI"]
    ? describe(name, tests)
    : describe.skip(`${name} (skipped: needs pebble)`, tests)

const freePort = Effect.sync(() => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } })
  listener.stop(true)
  return listener.port
})

/** Starts a program and waits until its output has the text. */
const start = Effect.fnUntraced(function* (
  command: ReadonlyArray<string>,
  ready: string,
  env: Readonly<Record<string, string>>
) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Bun.spawn([...command], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "ignore",
        env: { ...process.env, ...env }
      })
    ),
    (running) =>
      Effect.promise(() => {
        running.kill("SIGKILL")
        return running.exited
      })
  )
  const lines: Array<string> = []
  yield* Effect.promise(async () => {
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader()
    const read = async (): Promise<boolean> => {
      const { done, value = "" } = await reader.read()
      lines.push(value)
      return !done
    }
    while (!lines.join("").includes(ready)) {
      if (!(await read())) throw new Error(`${command[0]} did not start:\n${lines.join("")}`)
    }
    // Its output is read on, so that it does not wait.
    void (async () => {
      while (await read()) lines.length = 0
    })()
  })
})

/** The port to which the CA sends HTTP-01 requests. They wait for the first `forward`; each goes to the next of its ports. */
const challengePort = Effect.gen(function* () {
  let targets: ReadonlyArray<number> = []
  let next = 0
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const server = createServer(async (socket) => {
    socket.on("error", () => {})
    await begun
    const target = targets[next++ % Math.max(1, targets.length)]
    if (target === undefined) return socket.destroy()
    const upstream = connect(target, "127.0.0.1")
    socket.on("error", () => upstream.destroy()).on("close", () => upstream.destroy())
    upstream.on("error", () => socket.destroy()).on("close", () => socket.destroy())
    socket.pipe(upstream)
    upstream.pipe(socket)
  })
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
    () => Effect.sync(() => server.close())
  )
  const { port } = server.address() as AddressInfo
  const forward = (...ports: ReadonlyArray<number>) =>
    Effect.sync(() => {
      targets = ports
      begin()
    })
  return { port, forward }
})

export interface Pebble {
  readonly directory: string
  /** PEM file with the certificate that the directory is trusted by. */
  readonly caFile: string
  /** HTTP-01 requests go to these ports on 127.0.0.1, in turn; without one they are refused. */
  readonly forward: (...ports: ReadonlyArray<number>) => Effect.Effect<void>
  /** The root of the certificates that it issues, as PEM. */
  readonly root: Effect.Effect<string>
  /** Certificate and key of its HTTPS listener. */
  readonly tls: Made
}

/** Keys of external accounts by their id, in base64url. */
type ExternalAccounts = Readonly<Record<string, string>>

/** A CA that resolves every name to 127.0.0.1; with external accounts, it requires one. */
export const pebble = Effect.fnUntraced(function* (externalAccounts: ExternalAccounts = {}) {
  const dir = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-pebble-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )
  const tls = yield* make({ names: ["localhost"] })
  const { cert, key } = tls
  const file = (name: string) => join(dir, name)
  const [port, management, dns, dnsManagement] = yield* Effect.all([freePort, freePort, freePort, freePort])
  const challenges = yield* challengePort
  yield* Effect.promise(async () => {
    await Bun.write(file("cert.pem"), cert)
    await Bun.write(file("key.pem"), key)
    const config = {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${management}`,
      certificate: file("cert.pem"),
      privateKey: file("key.pem"),
      httpPort: challenges.port,
      tlsPort: challenges.port,
      ocspResponderURL: "",
      externalAccountBindingRequired: Object.keys(externalAccounts).length > 0,
      externalAccountMACKeys: externalAccounts
    }
    await Bun.write(file("config.json"), JSON.stringify({ pebble: config }))
  })
  const ports = ["-dns01", `127.0.0.1:${dns}`, "-management", `127.0.0.1:${dnsManagement}`]
  const unused = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""]
  yield* start(["pebble-challtestsrv", ...ports, ...unused], "Starting management server", {})
  yield* start(
    ["pebble", "-strict", "-config", file("config.json"), "-dnsserver", `127.0.0.1:${dns}`],
    "ACME directory available at",
    // It rejects 5 percent of valid nonces, as CAs do now and then.
    { PEBBLE_VA_NOSLEEP: "1" }
  )
  const root = Effect.promise(async () => {
    const response = await fetch(`https://localhost:${management}/roots/0`, { tls: { ca: cert } })
    return response.text()
  })
  const { forward } = challenges
  return {
    directory: `https://localhost:${port}/dir`,
    caFile: file("cert.pem"),
    forward,
    root,
    tls
  } satisfies Pebble
})

/** Steps of pebble's protocol by the begin of their paths. */
const steps = {
  directory: "/dir",
  nonce: "/nonce-plz",
  account: "/sign-me-up",
  contact: "/my-account/",
  order: "/order-plz",
  authorization: "/authZ/",
  challenge: "/chalZ/",
  finalize: "/finalize-order/",
  certificate: "/certZ/"
} as const
export type Step = keyof typeof steps

/** Responds instead of the CA, or `undefined`. */
type Fault = (request: Request) => Response | undefined | Promise<Response | undefined>

/** The CA behind a proxy that counts requests of each step, and responds by itself where a test says so. */
export const faulty = Effect.fnUntraced(function* (ca: Pebble) {
  const counts = new Map<Step, number>()
  const count = (step: Step) => counts.set(step, (counts.get(step) ?? 0) + 1)
  const faults = new Map<Step, Fault>()
  const upstream = new URL(ca.directory)
  const server = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        idleTimeout: 0,
        tls: ca.tls,
        fetch: async (request) => {
          const url = new URL(request.url)
          const found = Object.entries(steps).find(([, path]) => url.pathname.startsWith(path))
          const step = found?.[0] as Step | undefined
          if (step !== undefined) {
            const response = await faults.get(step)?.(request)
            if (response !== undefined) {
              count(step)
              return response
            }
          }
          // Pebble makes its URLs from the Host header.
          const response = await fetch(new URL(url.pathname, upstream), {
            method: request.method,
            headers: request.headers,
            // Pebble may close an idle connection while it is used again.
            keepalive: false,
            ...(request.method === "POST" && { body: await request.text() }),
            tls: { ca: ca.tls.cert }
          })
          // Not those with a nonce that pebble rejects for a test.
          if (step !== undefined && response.status !== 400) count(step)
          const body = request.method === "HEAD" ? null : await response.bytes()
          return new Response(body, { status: response.status, headers: response.headers })
        }
      })
    ),
    (running) => Effect.promise(() => running.stop(true))
  )
  return {
    ca: { ...ca, directory: `https://localhost:${server.port}/dir` },
    count: (step: Step) => counts.get(step) ?? 0,
    break: (step: Step, fault: Fault) => Effect.sync(() => void faults.set(step, fault)),
    mend: Effect.sync(() => faults.clear())
  }
})
