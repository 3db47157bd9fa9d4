/** Certificates that cannot be used: the error has the setting and the file. */
import { expect, test } from "bun:test"
import { Effect, FileSystem, type Scope } from "effect"
import type { ChildProcessSpawner } from "effect/process"
import { TestClock } from "effect/testing"
import * as Certificate from "../../../layers/http/certificate.ts"
import { certificateFiles, machine, possible } from "../../support/certificate.ts"

type Machine = ChildProcessSpawner.ChildProcessSpawner | FileSystem.FileSystem | Scope.Scope

const check = <E>(name: string, body: () => Effect.Effect<unknown, E, Machine>) =>
  test.skipIf(!possible)(name, () =>
    Effect.suspend(body).pipe(Effect.scoped, Effect.provide(machine), Effect.runPromise)
  )

const rejected = (files: Certificate.CertificateFiles) => Effect.flip(Certificate.load(files))
/** Loads at a time of `millis` after 1970. */
const rejectedAt = (files: Certificate.CertificateFiles, millis: number) =>
  Effect.andThen(TestClock.setTime(millis), rejected(files)).pipe(Effect.provide(TestClock.layer()))

check("a certificate that fits its key is loaded", () =>
  Effect.gen(function* () {
    const { cert, key } = yield* Certificate.load(yield* certificateFiles())
    expect(cert).toContain("BEGIN CERTIFICATE")
    expect(key).toContain("PRIVATE KEY")
  })
)

check("a missing certificate or key is an error with its setting and path", () =>
  Effect.gen(function* () {
    const files = yield* certificateFiles()
    const missing = `${files.key_file}.gone`
    for (const setting of ["cert_file", "key_file"] as const) {
      const error = yield* rejected({ ...files, [setting]: missing })
      expect([error.reason, error.path]).toEqual(["unreadable", missing])
      expect(error.message).toContain(`server.tls.${setting}: cannot read ${missing}`)
    }
  })
)

check("a file without a PEM certificate or key is an error", () =>
  Effect.gen(function* () {
    const files = yield* certificateFiles()
    expect((yield* rejected({ ...files, cert_file: files.key_file })).message).toContain("no certificate")
    expect((yield* rejected({ ...files, key_file: files.cert_file })).message).toContain("no private key")
    yield* (yield* FileSystem.FileSystem).writeFileString(files.cert_file, "")
    expect((yield* rejected(files)).reason).toBe("malformed")
  })
)

check("a certificate of another key is an error with both files", () =>
  Effect.gen(function* () {
    const { cert_file } = yield* certificateFiles()
    const { key_file } = yield* certificateFiles()
    const error = yield* rejected({ cert_file, key_file })
    expect(error.reason).toBe("mismatched")
    expect(error.message).toContain(`${key_file} does not match the certificate ${cert_file}`)
  })
)

check("an expired certificate is an error, and one that is not valid yet hints at the clock", () =>
  Effect.gen(function* () {
    const files = yield* certificateFiles(10)
    const late = yield* rejectedAt(files, Date.UTC(2900, 0))
    expect([late.reason, late.path]).toEqual(["expired", files.cert_file])
    expect(late.message).toContain("Renew it.")
    const early = yield* rejectedAt(files, Date.UTC(2001, 0))
    expect(early.reason).toBe("early")
    expect(early.message).toContain("clock")
  })
)
