/** An HTTPS listener with a certificate for each server name, whose certificates are replaced while it serves. */
import { describe, expect } from "bun:test"
import { connect } from "node:tls"
import { Effect, Layer } from "effect"
import type { CertificateSet } from "../../../layers/http/ListenerOptions.ts"
import { Routes } from "../../../layers/http/Routes.ts"
import { Sites } from "../../../layers/http/Sites.ts"
import * as SwappableListener from "../../../layers/http/SwappableListener.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { possible } from "../../support/certificate.ts"
import { make } from "../../support/certificates.ts"
import { it } from "../../support/effect.ts"
import { defaults } from "../../support/listener.ts"

const services = Layer.mergeAll(Routes.layer, Sites.layer, Ids.layer)

/** The names of the certificate that a client gets for a server name. */
const served = (port: number, servername?: string) =>
  Effect.callback<string>((resume) => {
    const socket = connect(
      { host: "127.0.0.1", port, rejectUnauthorized: false, ...(servername !== undefined && { servername }) },
      () => {
        resume(Effect.succeed(socket.getPeerCertificate().subjectaltname ?? ""))
        socket.destroy()
      }
    )
    socket.on("error", (error) => resume(Effect.succeed(error.message)))
  })

const setOf = (fallback: string, ...names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const certificates = yield* Effect.forEach([fallback, ...names], (name) => make({ names: [name] }))
    const [first, ...others] = certificates
    if (first === undefined) return yield* Effect.die("no certificate")
    const named = others.map((each, index) => ({ ...each, serverName: names[index] ?? "" }))
    return { fallback: first, named } satisfies CertificateSet
  })

describe.skipIf(!possible)("a set of certificates", () => {
  it.live("is chosen by server name: exact, then wildcard of one label, else the fallback", () =>
    Effect.gen(function* () {
      const set = yield* setOf("fallback.example", "a.example", "*.w.example", "x.w.example")
      const { port } = yield* SwappableListener.open(defaults, set)
      expect(yield* served(port, "a.example")).toBe("DNS:a.example")
      expect(yield* served(port, "A.EXAMPLE")).toBe("DNS:a.example")
      expect(yield* served(port, "y.w.example")).toBe("DNS:*.w.example")
      expect(yield* served(port, "x.w.example")).toBe("DNS:x.w.example")
      for (const other of ["a.y.w.example", "w.example", "unknown.example", undefined])
        expect(yield* served(port, other)).toBe("DNS:fallback.example")
    }).pipe(Effect.provide(services))
  )

  it.live("is replaced by one with other names, and kept when the next one cannot be loaded", () =>
    Effect.gen(function* () {
      const listener = yield* SwappableListener.open(defaults, yield* setOf("one.example", "a.example"))
      const { port } = listener
      const next = yield* setOf("two.example", "b.example")
      yield* listener.replace(next)
      expect(yield* served(port, "b.example")).toBe("DNS:b.example")
      expect(yield* served(port, "a.example")).toBe("DNS:two.example")

      const damaged = { ...next, named: [{ ...next.fallback, cert: "", serverName: "c.example" }] }
      const error = yield* Effect.flip(listener.replace(damaged))
      expect(error).toMatchObject({ _tag: "ListenError", reason: "BadTls" })
      expect(yield* served(port, "b.example")).toBe("DNS:b.example")
    }).pipe(Effect.provide(services))
  )

  it.live("may have thousands of names", () =>
    Effect.gen(function* () {
      const { fallback } = yield* setOf("fallback.example")
      const named = Array.from({ length: 2000 }, (_, index) => ({
        ...fallback,
        serverName: `h${index}.example`
      }))
      const listener = yield* SwappableListener.open(defaults, { fallback, named })
      const last = yield* make({ names: ["h1999.example"] })
      yield* listener.replace({ fallback, named: named.with(1999, { ...last, serverName: "h1999.example" }) })
      expect(yield* served(listener.port, "h1999.example")).toBe("DNS:h1999.example")
      expect(yield* served(listener.port, "h1998.example")).toBe("DNS:fallback.example")
    }).pipe(Effect.provide(services))
  )
})
