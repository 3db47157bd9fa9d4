/** Instances that share certificates by `edge.certificates.secret`, without a common file; and the change from a file to it. */
import { expect } from "bun:test"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { Context, Effect, Layer } from "effect"
import { CertificateStore } from "../../../../layers/edge/certificates/CertificateStore.ts"
import { ServedCertificates } from "../../../../layers/edge/certificates/ServedCertificates.ts"
import { administration, instance } from "../../../support/certificates.ts"
import { itPostgres, onEachDatabase, postgres, stateFolder } from "../../../support/databases.ts"
import { it } from "../../../support/effect.ts"

const domains = ["a.example.com"]
const withSecret = (text: string) => ({ domains, certificates: { secret: text } })
const [secret, otherSecret] = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"]

/** Private keys by host of an instance. */
const keysOf = Effect.fnUntraced(function* (services: Context.Context<ServedCertificates>) {
  const { fallback, named } = Context.get(services, ServedCertificates).current()
  return [fallback.key, ...named.map(({ key }) => key)]
})

itPostgres.live("instances with their own state folders serve the same certificates", () =>
  Effect.gen(function* () {
    const { postgres_url } = yield* postgres
    const started = (text: string) =>
      Effect.gen(function* () {
        const storage = { dir: yield* stateFolder, postgres_url }
        return yield* Layer.build(instance(storage, withSecret(text)))
      })
    const keys = yield* keysOf(yield* started(secret))
    expect(keys).toHaveLength(2)
    expect(yield* keysOf(yield* started(secret))).toEqual(keys)
    const error = yield* Effect.flip(started(otherSecret))
    expect(error.message).toContain("edge.certificates.secret")
  })
)

onEachDatabase("a secret instead of a key file", (database) => {
  it.live("takes over what was encrypted with the file, which is then not needed", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const before = yield* Effect.scoped(Effect.flatMap(Layer.build(instance(storage, { domains })), keysOf))
      const after = yield* Effect.scoped(
        Effect.flatMap(Layer.build(instance(storage, withSecret(secret))), keysOf)
      )
      expect(after).toEqual(before)
      yield* Effect.promise(() => rm(join(storage.dir, "keys/certificates")))
      const next = yield* Layer.build(instance(storage, withSecret(secret)))
      expect(yield* keysOf(next)).toEqual(before)
      const without = yield* Layer.build(administration(storage))
      expect(yield* Effect.flip(Context.get(without, CertificateStore).all)).toMatchObject({
        _tag: "KeysUnreadable"
      })
    })
  )
})
