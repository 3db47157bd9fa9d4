/** Requests that count as local: never through a proxy, under another host name, or on an untrusted listener. */
import { expect } from "bun:test"
import { Effect } from "effect"
import type { ListenerOptions } from "../../../layers/http/ListenerOptions.ts"
import { it } from "../../support/effect.ts"
import { listen } from "../../support/listener.ts"
import { raw } from "../../support/rawHttp.ts"

const probe = {
  paths: ["/x"],
  fetch: (_: Request, connection: { readonly loopback: boolean }) => Response.json(connection.loopback)
}

const probing = Effect.fnUntraced(function* (options: Partial<ListenerOptions>) {
  const { port } = yield* listen([probe], options)
  return (lines: string) =>
    Effect.promise(async () => {
      const { body, status } = await raw(port, `GET /x HTTP/1.1\r\n${lines}\r\n`)
      return status === 200 ? body : status
    })
})

const local = "Host: 127.0.0.1\r\n"

it.live("a direct request is local on a loopback listener and on a public one", () =>
  Effect.gen(function* () {
    for (const hostname of ["127.0.0.1", "LOCALHOST", "0.0.0.0"]) {
      const ask = yield* probing({ hostname })
      for (const host of ["127.0.0.1", "localhost:1234", "LOCALHOST", "localhost.", "[::1]"]) {
        expect([hostname, host, yield* ask(`Host: ${host}\r\n`)]).toEqual([hostname, host, "true"])
      }
    }
  })
)

it.live("a request with a forwarding header is not local, whatever the value", () =>
  Effect.gen(function* () {
    for (const hostname of ["127.0.0.1", "0.0.0.0"]) {
      const ask = yield* probing({ hostname })
      for (const header of [
        "Forwarded: for=127.0.0.1",
        "X-Forwarded-For: 127.0.0.1",
        "x-forwarded-host: localhost",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Port: 443",
        "X-Forwarded-Server: proxy",
        "X-Real-IP: 127.0.0.1",
        "Via: 1.1 proxy",
        "X-Forwarded-For:"
      ]) {
        expect([header, yield* ask(`${local}${header}\r\n`)]).toEqual([header, "false"])
      }
    }
  })
)

it.live("a request with an allowed Host that is not a loopback name is served and not local", () =>
  Effect.gen(function* () {
    const ask = yield* probing({ allowedHosts: ["app.example.com"] })
    expect(yield* ask("Host: app.example.com\r\n")).toBe("false")
    expect(yield* ask("Host: evil.example\r\n")).toBe(421)
    const open = yield* probing({ hostname: "0.0.0.0" })
    expect(yield* open("Host: evil.example\r\n")).toBe("false")
  })
)

it.live("a request to a listener that does not trust loopback peers is not local", () =>
  Effect.gen(function* () {
    for (const hostname of ["127.0.0.1", "0.0.0.0"]) {
      const ask = yield* probing({ hostname, trustLoopback: false })
      expect(yield* ask(local)).toBe("false")
    }
  })
)
