/** Looking up the addresses of a name, as the system does it; a service, so that a test can answer instead. */
import { Context, Effect, Layer, Schema } from "effect"

/** The name has no address, or nobody could say. */
export class DnsError extends Schema.TaggedError<DnsError>()("DnsError", {
  name: Schema.String,
  /** As `getaddrinfo` calls it: `ENOTFOUND`, `EAI_AGAIN` … */
  code: Schema.String
}) {
  override get message() {
    return `the name ${this.name} could not be looked up (${this.code})`
  }
}

export class Dns extends Context.Service<
  Dns,
  {
    /** Every address of the name, in the order in which they should be tried (RFC 6724); never none. */
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

  /** Answers from a function that is asked each time anew; without an answer the name does not exist. */
  static readonly layerTest = (answer: (name: string) => ReadonlyArray<string> | undefined) =>
    Layer.succeed(
      Dns,
      Dns.of({
        lookup: (name) =>
          Effect.suspend(() => {
            const addresses = answer(name) ?? []
            return addresses.length > 0
              ? Effect.succeed(addresses)
              : Effect.fail(new DnsError({ name, code: "ENOTFOUND" }))
          })
      })
    )
}

const codeOf = (cause: unknown) =>
  cause instanceof Error && "code" in cause ? String(cause.code).replace(/^DNS_/, "") : "EAI_FAIL"
