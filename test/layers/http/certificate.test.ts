/** Certificates that cannot be used are refused with the setting and the file at fault. */
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

const refused = (files: Certificate.CertificateFiles) => Effect.flip(Certificate.load(files))
/** Loads as if it were `millis` after 1970. */
const refusedAt = (files: Certificate.CertificateFiles, millis: number) =>
  Effect.andThen(TestClock.setTime(millis), refused(files)).pipe(Effect.provide(TestClock.layer()))

check("a certificate that fits its key is loaded", () =>
  Effect.gen(function* () {
    const { cert, key } = yield* Certificate.load(yield* certificateFiles())
    expect(cert).toContain("BEGIN CERTIFICATE")
    expect(key).toContain("PRIVATE KEY")
  })
)

check("one that is missing, or whose key is", () =>
  Effect.gen(function* () {
    const files = yield* certificateFiles()
    const nowhere = `${files.key_file}.gone`
    for (const setting of ["cert_file", "key_file"] as const) {
      const error = yield* refused({ ...files, [setting]: nowhere })
      expect([error.reason, error.path]).toEqual(["unreadable", nowhere])
      expect(error.message).toContain(`server.tls.${setting}: cannot read ${nowhere}`)
    }
  })
)

check("one that is no PEM, or whose key is none", () =>
  Effect.gen(function* () {
    const files = yield* certificateFiles()
    expect((yield* refused({ ...files, cert_file: files.key_file })).message).toContain("no certificate")
    expect((yield* refused({ ...files, key_file: files.cert_file })).message).toContain("no private key")
    yield* (yield* FileSystem.FileSystem).writeFileString(files.cert_file, "")
    expect((yield* refused(files)).reason).toBe("malformed")
  })
)

check("one that belongs to another key", () =>
  Effect.gen(function* () {
    const { cert_file } = yield* certificateFiles()
    const { key_file } = yield* certificateFiles()
    const error = yield* refused({ cert_file, key_file })
    expect(error.reason).toBe("mismatched")
    expect(error.message).toContain(`${key_file} does not match the certificate ${cert_file}`)
  })
)

check("one that has expired, and one that is not valid yet", () =>
  Effect.gen(function* () {
    const files = yield* certificateFiles(10)
    const late = yield* refusedAt(files, Date.UTC(2900, 0))
    expect([late.reason, late.path]).toEqual(["expired", files.cert_file])
    expect(late.message).toContain("Renew it.")
    const early = yield* refusedAt(files, Date.UTC(2001, 0))
    expect(early.reason).toBe("early")
    expect(early.message).toContain("clock")
  })
)
