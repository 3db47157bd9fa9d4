/** Trust stores by platform: the commands for macOS and Windows, and databases that certutil changes on Linux. */
import { describe, expect, test } from "bun:test"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import type { Root } from "../../../../layers/edge/certificates/LocalCa.ts"
import { findStores } from "../../../../layers/edge/certificates/trustStores.ts"
import { Environment } from "../../../../layers/platform/Environment.ts"
import { Machine } from "../../../../layers/platform/Machine.ts"
import * as Platform from "../../../../layers/platform/Platform.ts"
import { possible } from "../../../support/certificate.ts"
import { makeAuthority } from "../../../support/certificates.ts"
import { stateFolder } from "../../../support/databases.ts"
import { it } from "../../../support/effect.ts"

const root: Root = { certificate: "", name: "manifold local CA 01", notAfter: 0, fingerprint: "" }

const on = (os: string, env: Readonly<Record<string, string>>) =>
  Layer.mergeAll(Machine.layerTest({ os }), Environment.layerTest(env), Platform.layer)

const commands = (os: string, env: Readonly<Record<string, string>>) =>
  findStores(root, "/s/root.pem").pipe(
    Effect.map(({ stores }) => stores.flatMap(({ trust, untrust }) => [...trust, ...untrust])),
    Effect.map((all) => all.map((argv) => argv.join(" "))),
    Effect.provide(on(os, env))
  )

test("macOS and Windows have one store of the user", async () => {
  expect(await Effect.runPromise(commands("darwin", { HOME: "/Users/a" }))).toEqual([
    "security add-trusted-cert -r trustRoot -k /Users/a/Library/Keychains/login.keychain-db /s/root.pem",
    "security remove-trusted-cert /s/root.pem"
  ])
  expect(await Effect.runPromise(commands("win32", {}))).toEqual([
    "certutil -user -addstore Root /s/root.pem",
    "certutil -user -delstore Root manifold local CA 01"
  ])
})

const certutil = Bun.which("certutil")

describe.skipIf(certutil === null || !possible)("On Linux", () => {
  it.live("databases of Chromium and Firefox are found, and certutil adds and removes the root", () =>
    Effect.gen(function* () {
      const home = yield* stateFolder
      const folders = [".pki/nssdb", ".mozilla/firefox/x.default"].map((each) => join(home, each))
      const shell = (...argv: ReadonlyArray<string>) =>
        Effect.sync(() => {
          const { exitCode, stdout } = Bun.spawnSync([...argv])
          return { code: exitCode, output: stdout.toString() }
        })
      for (const folder of folders) {
        yield* Effect.promise(() => mkdir(folder, { recursive: true }))
        yield* shell("certutil", "-d", `sql:${folder}`, "-N", "--empty-password")
      }
      const file = join(home, "root.pem")
      const { cert } = yield* makeAuthority("root.example")
      yield* Effect.promise(() => Bun.write(file, cert))
      const env = { HOME: home, PATH: process.env["PATH"] ?? "" }
      const { missing, stores } = yield* Effect.provide(findStores(root, file), on("linux", env))
      const own = stores.filter(({ name }) => name !== "system")
      expect([own.map(({ name }) => name), missing]).toEqual([["Chromium", "Firefox (x.default)"], []])
      for (const [index, store] of own.entries()) {
        const listed = Effect.map(
          shell("certutil", "-d", `sql:${folders[index]}`, "-L"),
          ({ output }) => output
        )
        for (const argv of store.trust) expect((yield* shell(...argv)).code).toBe(0)
        expect(yield* listed).toMatch(/manifold local CA 01 +C,,/)
        for (const argv of store.untrust) expect((yield* shell(...argv)).code).toBe(0)
        expect(yield* listed).not.toContain("manifold local CA 01")
      }

      const without = yield* Effect.provide(
        findStores(root, file),
        on("linux", { HOME: home, PATH: "/nowhere" })
      )
      expect(without.missing.map(({ program, store }) => `${store} ${program}`)).toEqual([
        "Chromium certutil",
        "Firefox (x.default) certutil"
      ])
    })
  )
})
