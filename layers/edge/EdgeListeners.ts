/** The listeners of the edge: HTTPS with a certificate for each host, and HTTP that redirects to it. */
import { Clock, Context, Duration, Effect, Layer, Schema, Scope, Semaphore, Stream } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Listener } from "../http/Listener.ts"
import type { CertificateSet, ListenerOptions } from "../http/ListenerOptions.ts"
import { notFound, reject } from "../http/responses.ts"
import { run } from "../http/runEndpoint.ts"
import { Sites } from "../http/Sites.ts"
import * as SwappableListener from "../http/SwappableListener.ts"
import { Sql } from "../storage/Sql.ts"
import { findChallenge } from "./certificates/acmeRows.ts"
import { ServedCertificates } from "./certificates/ServedCertificates.ts"
import { redirectSites } from "./httpRedirect.ts"
import { section } from "./section.ts"

/** Least time between two swaps; each costs the time to load all certificates, 15 µs each, and a copy of them in memory. */
const leastPause = 1000
/** Milliseconds of pause for each certificate. */
const pausePerCertificate = 1

/** Challenges that are looked up at the same time, and that wait: anyone can request them. */
const lookups = 4
const mostWaiting = 100

export class EdgeListenError extends Schema.TaggedError<EdgeListenError>()("EdgeListenError", {
  message: Schema.String
}) {}

/** Ports that are listened on; `undefined` for one that is not configured. */
export interface EdgePorts {
  readonly https: number | undefined
  readonly http: number | undefined
  /** Open WebSockets. */
  readonly sockets: () => number
}

type Common = Omit<ListenerOptions, "tls" | "reusePort" | "hostname" | "port" | "transportSecurity">

/** Names the settings of the edge instead of those of section `server`. */
const named = (setting: "https_port" | "http_port") =>
  Effect.mapError(({ message }: { readonly message: string }) => {
    const detail = message
      .replace(/--port or server\.port|server\.port/, `edge.${setting}`)
      .replace(/--host or server\.host|server\.host/, "edge.host")
    return new EdgeListenError({ message: `edge.${setting}: ${detail}` })
  })

const pauseAfter = ({ named: certificates }: CertificateSet) =>
  Duration.millis(leastPause + certificates.length * pausePerCertificate)

/** Answers challenges of any instance from the database. */
const challenges = Effect.gen(function* () {
  const sql = yield* Sql
  const respond = run(yield* Effect.context<never>())
  const slots = yield* Semaphore.make(lookups)
  let waiting = 0
  const look = (token: string) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const found = yield* slots.withPermit(sql.read((client) => findChallenge(client, token, now)))
      if (found === undefined) return notFound()
      return new Response(found, { headers: { "content-type": "application/octet-stream" } })
    }).pipe(
      Effect.orElseSucceed(() => reject(503, "The challenge cannot be read now.")),
      Effect.ensuring(Effect.sync(() => void waiting--))
    )
  return (request: Request, token: string) => {
    if (waiting >= mostWaiting) return reject(503, "Too many requests for challenges.")
    waiting++
    return respond(request, look(token))
  }
})

export class EdgeListeners extends Context.Service<EdgeListeners, EdgePorts>()(
  "manifold/edge/EdgeListeners"
) {
  /** Without `edge.https_port` nothing is opened. */
  static readonly layer = (common: Common) =>
    Layer.effect(
      EdgeListeners,
      Effect.gen(function* () {
        const config = yield* ConfigSource
        const settings = yield* config.read(section)
        const { host: hostname, http_port, https_port } = settings
        if (https_port === undefined) return { https: undefined, http: undefined, sockets: () => 0 }
        // Both stop at the same time.
        const scope = yield* Scope.fork(yield* Effect.scope, "parallel")
        const certificates = yield* ServedCertificates
        // A peer on this machine may be a port forwarding for anyone.
        const options = { ...common, hostname, trustLoopback: false }
        let served = certificates.current()
        const https = yield* named("https_port")(
          SwappableListener.open(
            {
              ...options,
              port: https_port,
              transportSecurity: Math.round(Duration.toSeconds(settings.hsts))
            },
            served
          ).pipe(Scope.provide(scope))
        )
        const swap = Effect.fnUntraced(function* (set: CertificateSet) {
          if (set === served) return
          yield* https.replace(set)
          served = set
          yield* Effect.logInfo("certificates replaced").pipe(
            Effect.annotateLogs({ hosts: set.named.length, port: https.port })
          )
          yield* Effect.sleep(pauseAfter(set))
        })
        yield* Effect.forkScoped(
          Stream.runForEach(certificates.changes, (set) =>
            swap(set).pipe(
              Effect.catch((error) =>
                Effect.logError(`certificates not replaced, still using the previous ones: ${error.message}`)
              )
            )
          )
        )
        if (http_port === undefined) return { https: https.port, http: undefined, sockets: https.sockets }

        const isServed = (host: string) => {
          const chosen = certificates.chosen()
          return chosen.has(host) || chosen.has(`*${host.slice(host.indexOf("."))}`)
        }
        const sites = redirectSites({
          httpsPort: settings.redirect_port ?? https.port,
          isServed,
          challenge: yield* challenges
        })
        const http = yield* named("http_port")(
          Listener.open({ ...options, port: http_port }).pipe(
            Effect.provideService(Sites, sites),
            Scope.provide(scope)
          )
        )
        return { https: https.port, http: http.port, sockets: https.sockets }
      })
    )
}
