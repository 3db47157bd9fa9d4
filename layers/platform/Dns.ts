/** DNS lookups with the system resolver, as a service that tests can replace. */
import { Context, Effect, Layer, Schema } from "effect"

/** The name has no address, or the lookup failed. */
export class DnsError extends Schema.TaggedError<DnsError>()("DnsError", {
  name: Schema.String,
  /** The code of `getaddrinfo`: `ENOTFOUND`, `EAI_AGAIN` … */
  code: Schema.String
}) {
  override get message() {
    return `DNS lookup of ${this.name} failed (${this.code})`
  }
}

export class Dns extends Context.Service<
  Dns,
  {
    /** All addresses of the name, at least one, in the order to try them (RFC 6724). */
    readonly lookup: (name: string) => Effect.Effect<ReadonlyArray<string>, DnsError>
  }
>()("manifold/platform/Dns") {
  static readonly layer = Layer.succeed(
    Dns,
    Dns.of({
      lookup: (name) =>
        Effect.tryPromise({
          try: async () => {
            const { lookup } = await import("node:dns/promises")
            return (await lookup(name, { all: true, order: "verbatim" })).map(({ address }) => address)
          },
          catch: (cause) => new DnsError({ name, code: codeOf(cause) })
        }).pipe(
          Effect.filterOrFail(
            (addresses) => addresses.length > 0,
            () => new DnsError({ name, code: "ENODATA" })
          )
        )
    })
  )

  /** Calls a function for each lookup; `undefined` means that the name does not exist. */
  static readonly layerTest = (lookup: (name: string) => ReadonlyArray<string> | undefined) =>
    Layer.succeed(
      Dns,
      Dns.of({
        lookup: (name) =>
          Effect.suspend(() => {
            const addresses = lookup(name) ?? []
            return addresses.length > 0
              ? Effect.succeed(addresses)
              : Effect.fail(new DnsError({ name, code: "ENOTFOUND" }))
          })
      })
    )
}

const codeOf = (cause: unknown) =>
  cause instanceof Error && "code" in cause ? String(cause.code).replace(/^DNS_/, "") : "EAI_FAIL"
