/** A service whose edge serves TLS for `a.example.com`, with the account `alice`, and requests to its hosts. */
import { connect } from "node:tls"
import { Context, Effect, Layer, Schedule } from "effect"
import { LocalCa } from "../../layers/edge/certificates/LocalCa.ts"
import type { NewProxy } from "../../layers/edge/proxies/Proxy.ts"
import { administration } from "./certificates.ts"
import { sqlite } from "./databases.ts"
import { freePort, oauthService, password, type Send } from "./oauth.ts"
import { publish } from "./proxies.ts"

/** Sends to the listener with the Host and server name of the URL, and verifies the certificate with the root. */
export const over =
  (port: number, ca: string): Send =>
  (to, init = {}) => {
    const { host, hostname, pathname, search } = new URL(to)
    const headers = new Headers(init.headers)
    headers.set("host", host)
    const tls = { ca, serverName: hostname }
    return fetch(`https://127.0.0.1:${port}${pathname}${search}`, {
      ...init,
      redirect: "manual",
      headers,
      tls
    })
  }

/** Whether the listener has a certificate of the host. */
const isServed = (port: number, servername: string) =>
  Effect.callback<boolean>((resume) => {
    const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false }, () => {
      resume(Effect.succeed(socket.getPeerCertificate().subjectaltname === `DNS:${servername}`))
      socket.destroy()
    })
    socket.on("error", () => resume(Effect.succeed(false)))
  })

/** Waits until the listener has a certificate of each host: then it is not replaced again. */
export const untilCertified = (port: number, hosts: ReadonlyArray<string>) =>
  Effect.forEach(hosts, (host) => Effect.repeat(isServed(port, host), { until: (served) => served }))

export const tlsEdge = Effect.fnUntraced(function* (
  domains: ReadonlyArray<string> = ["a.example.com"],
  publicUrl = "none",
  server: Record<string, unknown> = {}
) {
  const storage = yield* sqlite
  const port = yield* freePort
  const edge = { domains, host: "127.0.0.1", https_port: port }
  const { accounts, running, url } = yield* oauthService(storage, { edge, server }, publicUrl)
  yield* accounts.add({ name: "alice", password, scopes: ["read", "call"] })
  const { certificate } = yield* Context.get(yield* Layer.build(administration(storage)), LocalCa).root
  const send = over(port, certificate)
  const json = (to: string, headers: Record<string, string> = {}) =>
    Effect.promise(async (): Promise<unknown> => (await send(to, { headers })).json())
  /** Publishes applications, and waits until each has a certificate. The result: their URLs. */
  const publishAll = (applications: ReadonlyArray<typeof NewProxy.Encoded>) =>
    Effect.forEach(applications, (application) =>
      Effect.gen(function* () {
        yield* Effect.provideContext(publish(application), running)
        const base = `https://${application.hostname}:${port}`
        // The listener replaces its certificates within two seconds.
        yield* Effect.tryPromise(() => send(`${base}/.well-known/oauth-protected-resource`)).pipe(
          Effect.retry({ times: 100, schedule: Schedule.spaced("50 millis") })
        )
        return base
      })
    )
  return { port, running, send, json, url, publishAll }
})
