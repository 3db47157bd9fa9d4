/** Local web sites, well-behaved and malformed, and the outbound client that requests them. */
import { createServer, type Socket } from "node:net"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Deferred, Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Outbound } from "../../layers/outbound/Outbound.ts"
import { Dns } from "../../layers/platform/Dns.ts"
import { Web } from "../../layers/web/Web.ts"

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export const openssl = Bun.which("openssl")

/** A self-signed certificate for these names. */
export const certificate = (...names: ReadonlyArray<string>) =>
  Effect.promise(async (): Promise<Certificate> => {
    const dir = await mkdtemp(join(tmpdir(), "manifold-cert-"))
    const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")]
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=test"]
    const san = `subjectAltName=${names.join(",")}`
    await Bun.$`openssl req -x509 ${kind} -keyout ${key} -out ${cert} -addext ${san}`.quiet()
    const read = { key: await Bun.file(key).text(), cert: await Bun.file(cert).text() }
    await rm(dir, { recursive: true })
    return read
  })

/** A site on 127.0.0.1, and the requests that reached it. */
export const site = (
  answer: (request: Request) => Response | Promise<Response>,
  tls: Certificate | undefined = undefined
) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const requests: Array<{ readonly method: string; readonly path: string; readonly headers: Headers }> =
        []
      const server = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        ...(tls !== undefined && { tls }),
        fetch: (request) => {
          // A request is empty after its response.
          const { method, url } = request
          requests.push({ method, path: new URL(url).pathname, headers: new Headers(request.headers) })
          return answer(request)
        }
      })
      return { port: server.port ?? 0, requests, stop: () => server.stop(true) }
    }),
    ({ stop }) => Effect.promise(stop)
  )

/** A server that writes by hand once it was asked; `asked` and `closed` report on its first connection. */
export const rawSite = (write: (socket: Socket, head: string) => void) =>
  Effect.gen(function* () {
    const asked = yield* Deferred.make<void>()
    const closed = yield* Deferred.make<void>()
    let connections = 0
    const sockets = new Set<Socket>()
    const server = yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const made = createServer((socket) => {
          connections++
          sockets.add(socket)
          // A reset counts as closed.
          socket.on("error", () => {})
          socket.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
          socket.once("data", (head) => {
            Deferred.doneUnsafe(asked, Effect.void)
            write(socket, String(head))
          })
        })
        made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
      }),
      (made) =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          made.close()
        })
    )
    const address = server.address()
    return {
      port: typeof address === "object" && address !== null ? address.port : 0,
      asked: Deferred.await(asked),
      closed: Deferred.await(closed),
      connections: () => connections
    }
  })

/** Writes as fast as the peer reads, until it disconnects. */
export const forever = (socket: Socket, chunk: string | Uint8Array) => {
  const more = () => {
    while (!socket.destroyed && socket.write(chunk)) {
      // The buffer has room.
    }
  }
  socket.on("drain", more)
  more()
}

/** Machines of this test: what their names resolve to. Everything named `….test` is on this machine unless said. */
export type Answers = (name: string) => ReadonlyArray<string> | undefined

const here: Answers = (name) => (name.endsWith(".test") ? ["127.0.0.1"] : undefined)

export interface VisitOptions {
  /** Sections of the configuration. By default this machine may be reached. */
  readonly outbound?: Record<string, unknown>
  readonly web?: Record<string, unknown>
  readonly answers?: Answers
  readonly ca?: string
}

/** The real client, with the names of the test; and the real reader over it. */
export const client = ({ answers = here, ca, outbound, web = {} }: VisitOptions = {}) =>
  Web.layer.pipe(
    Layer.provideMerge(Outbound.layerWith(ca === undefined ? {} : { ca })),
    Layer.provide(Dns.layerTest(answers)),
    Layer.provide(ConfigSource.layerFrom({ outbound: { allow_private: ["127.0.0.0/8"], ...outbound }, web }))
  )
