/** `manifold certificate` and `manifold ca` as a process. */
import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { X509Certificate } from "node:crypto"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { possible } from "../../support/certificate.ts"
import { make } from "../../support/certificates.ts"
import { sqlite } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { servingProcess } from "../../support/servingProcess.ts"
import { home } from "../../support/userHome.ts"

const Listed = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      id: Schema.NullOr(Schema.String),
      names: Schema.Array(Schema.String),
      state: Schema.String
    })
  )
)

const withCertutil: typeof it.live = (name, body, timeout) =>
  Bun.which("certutil") !== null || process.env["CI"]
    ? it.live(name, body, timeout)
    : test.skip(`${name} (skipped: needs certutil)`, () => {})

const configured = Effect.map(sqlite, (storage) => ({
  ".config/manifold/manifold.yaml": JSON.stringify({
    storage,
    edge: { domains: ["a.example.com"], https_port: 0 }
  })
}))

describe.skipIf(!possible)("manifold certificate", () => {
  it.live(
    "adds, lists and removes uploaded certificates, and says why one is rejected",
    () =>
      Effect.gen(function* () {
        const { dir, run } = yield* home(yield* configured)
        expect((yield* run(["certificate", "list"])).stdout).toStartWith("No certificates. ")
        const { cert, key } = yield* make({ names: ["a.example.com"], days: 90 })
        const [certFile, keyFile] = [join(dir, "cert.pem"), join(dir, "key.pem")]
        yield* Effect.promise(async () => {
          await Bun.write(certFile, cert)
          await Bun.write(keyFile, key)
        })
        const mistaken = yield* run(["certificate", "add", "--cert", keyFile, "--key", keyFile])
        expect([mistaken.code, mistaken.stderr]).toEqual([
          2,
          "manifold: There is no certificate. It must be PEM, with BEGIN CERTIFICATE.\n"
        ])
        const absent = yield* run(["certificate", "add", "--cert", join(dir, "none"), "--key", keyFile])
        expect([absent.code, absent.stderr]).toEqual([
          2,
          `manifold: --cert: cannot read ${join(dir, "none")}: no such file or directory\n`
        ])
        const added = yield* run(["certificate", "add", "--cert", certFile, "--key", keyFile])
        expect(added.stdout).toMatch(
          /^Added the certificate [\w-]{36} for a\.example\.com, valid until \d{4}-/
        )

        const lines = (yield* run(["certificate", "list"])).stdout
        expect(lines).toMatch(
          /^a\.example\.com {2}uploaded {2}active {2}until \d{4}-\d\d-\d\d \((?:89|90) days\) {2}a\.example\.com {2}[\w-]{36}\n$/
        )
        const [listed] = yield* Schema.decodeEffect(Listed)(
          (yield* run(["certificate", "list", "--json"])).stdout
        )
        expect((yield* run(["doctor"])).stdout).toContain("ok    certificates   1 valid certificate")

        const removed = yield* run(["certificate", "remove", listed?.id ?? ""])
        expect(removed.stdout).toBe("Removed the certificate for a.example.com.\n")
        expect((yield* run(["certificate", "remove", listed?.id ?? ""])).code).toBe(2)
      }),
    60_000
  )
})

it.live(
  "manifold certificate list shows what a running service serves, from another process",
  () =>
    Effect.gen(function* () {
      const storage = yield* sqlite
      const config = { storage, edge: { domains: ["a.example.com"], host: "127.0.0.1", https_port: 0 } }
      const { dir, run } = yield* home({ ".config/manifold/manifold.yaml": JSON.stringify(config) })
      yield* servingProcess({ config })
      yield* run(["proxy", "create", "b.example.com", "http://127.0.0.1:9"])
      const listed = yield* Effect.repeat(run(["certificate", "list"]), {
        until: ({ stdout }) => stdout.includes("b.example.com")
      })
      const cells = listed.stdout
        .trim()
        .split("\n")
        .map((line) => line.split(/ {2,}/))
      expect(
        cells.map(([names, source, state, , , action = ""]) => [names, source, state, action.slice(0, 6)])
      ).toEqual(
        ["a.example.com", "b.example.com", "localhost,127.0.0.1,::1"].map((names) => [
          names,
          "local_ca",
          "active",
          "renew "
        ])
      )

      const { cert, key } = yield* make({ names: ["*.example.com"], days: 90 })
      const [certFile, keyFile] = [join(dir, "cert.pem"), join(dir, "key.pem")]
      yield* Effect.promise(() => Promise.all([Bun.write(certFile, cert), Bun.write(keyFile, key)]))
      yield* run(["certificate", "add", "--cert", certFile, "--key", keyFile])
      const { stdout } = yield* run(["certificate", "list"])
      expect(stdout.split("\n").map((line) => /serves \S+|not in use|renew/.exec(line)?.[0])).toEqual([
        "serves a.example.com,b.example.com",
        "not in use",
        "not in use",
        "renew",
        undefined
      ])
    }).pipe(Effect.scoped),
  60_000
)

it.live(
  "manifold doctor reports ports of the edge that another program uses",
  () =>
    Effect.gen(function* () {
      const other = yield* Effect.acquireRelease(
        Effect.sync(() => Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("other") })),
        (server) => Effect.promise(() => server.stop(true))
      )
      const config = { edge: { host: "127.0.0.1", https_port: 0, http_port: other.port } }
      const { run } = yield* home({ ".config/manifold/manifold.yaml": JSON.stringify(config) })
      const { stdout } = yield* run(["doctor"])
      expect(stdout).toContain("edge ports     edge.https_port is 0: a free port is chosen at each start")
      expect(stdout).toContain(
        `fail  edge ports     port ${other.port} is in use by another program: stop it, or set edge.http_port to another port`
      )
    }),
  60_000
)

describe("manifold ca", () => {
  it.live(
    "gets another root after a reset when the key file is lost",
    () =>
      Effect.gen(function* () {
        const storage = yield* sqlite
        const config = { storage, edge: { https_port: 0, host: "127.0.0.1" } }
        const { run } = yield* home({ ".config/manifold/manifold.yaml": JSON.stringify(config) })
        const before = (yield* run(["ca", "export"])).stdout
        const { edge } = yield* Effect.scoped(servingProcess({ config }))
        expect(edge.https > 0).toBe(true)
        const kept = yield* run(["certificate", "reset", "--yes"])
        expect(kept.stdout).toBe("Removed certificates: 0, roots of the local CA: 0, ACME accounts: 0.\n")
        expect((yield* run(["ca", "export"])).stdout).toBe(before)

        yield* Effect.promise(() => rm(join(storage.dir, "keys/certificates")))
        const failed = yield* run(["serve", "--http", "--port", "0"])
        expect([failed.code, failed.stderr]).toEqual([
          1,
          expect.stringContaining("manifold certificate reset")
        ])
        expect((yield* run(["doctor"])).stdout).toMatch(/fail {2}certificates .*manifold certificate reset/)
        const reset = yield* run(["certificate", "reset", "--yes"])
        expect(reset.stdout).toStartWith(
          "Removed certificates: 1, roots of the local CA: 1, ACME accounts: 0.\n"
        )
        const after = (yield* run(["ca", "export"])).stdout
        expect(after).toContain("BEGIN CERTIFICATE")
        expect(after).not.toBe(before)
      }),
    60_000
  )

  it.live(
    "shows and exports one root, and shows the commands that trust it",
    () =>
      Effect.gen(function* () {
        const { dir, run } = yield* home(yield* configured)
        const shown = yield* run(["ca", "show"])
        const [, fingerprint = ""] = /SHA-256: +(\S+)/.exec(shown.stdout) ?? []
        const { stdout: pem } = yield* run(["ca", "export"])
        const root = new X509Certificate(pem)
        expect([root.ca, root.fingerprint256]).toEqual([true, fingerprint])
        const file = join(dir, "root.pem")
        expect((yield* run(["ca", "export", file])).stdout).toBe(`Wrote ${file}. It has no secret.\n`)
        expect(yield* Effect.promise(() => Bun.file(file).text())).toBe(pem)

        const trusted = yield* run(["ca", "trust", "--dry-run"])
        expect(trusted.stdout).toContain(fingerprint)
        const hasSystem = trusted.stdout.includes("system:")
        expect(trusted.stdout).toContain(hasSystem ? "Nothing was changed." : "No trust store was found.")
        expect(trusted.code).toBe(hasSystem ? 0 : 1)
      }),
    60_000
  )

  withCertutil(
    "is replaced, and manifold doctor says that a browser still trusts the previous root",
    () =>
      Effect.gen(function* () {
        const storage = yield* sqlite
        const { dir, run } = yield* home({
          ".config/manifold/manifold.yaml": JSON.stringify({ storage, edge: { https_port: 0 } }),
          ".pki/nssdb/.keep": ""
        })
        const browser = `sql:${join(dir, ".pki/nssdb")}`
        Bun.spawnSync(["certutil", "-d", browser, "-N", "--empty-password"])
        const checked = Effect.map(run(["doctor"]), ({ stdout }) =>
          stdout.split("\n").filter((line) => line.includes("local CA "))
        )
        const nameOf = (shown: string) => /manifold local CA \w+/.exec(shown)?.[0] ?? ""
        /** As `manifold ca trust` does in the stores of this user; it would change that of the system as well. */
        const trust = Effect.gen(function* () {
          const { stdout } = yield* run(["ca", "trust", "--dry-run"])
          const [, file = ""] = /manifold ca export (\S+)/.exec(stdout) ?? []
          yield* run(["ca", "export", file])
          const added = ["-n", nameOf(stdout), "-A", "-t", "C,,", "-i", file]
          expect(Bun.spawnSync(["certutil", "-d", browser, ...added]).exitCode).toBe(0)
        })
        yield* trust
        const before = nameOf((yield* run(["ca", "show"])).stdout)
        expect(yield* checked).toEqual([
          expect.stringMatching(new RegExp(`^ok .*${before} .* trusted by: Chromium$`))
        ])

        yield* Effect.promise(() => rm(join(storage.dir, "keys/certificates")))
        yield* run(["certificate", "reset", "--yes"])
        const outdated = [
          expect.stringMatching(new RegExp(`^warn .*Chromium trusts ${before}, which .*manifold ca trust`))
        ]
        expect(yield* checked).toEqual(outdated)
        const after = nameOf((yield* run(["ca", "show"])).stdout)
        expect([after === before, yield* checked]).toEqual([false, outdated])
        const { stdout: commands } = yield* run(["ca", "trust", "--dry-run"])
        expect(commands).toContain(
          `Chromium, ${before}, which was replaced:\n  certutil -d ${browser} -n '${before}' -D`
        )

        yield* trust
        Bun.spawnSync(["certutil", "-d", browser, "-n", before, "-D"])
        expect(yield* checked).toEqual([expect.stringContaining(`${after} is valid until`)])

        const other = yield* make({ names: ["other"] })
        using database = new Database(join(storage.dir, "manifold.db"))
        database.run("UPDATE edge_authorities SET certificate = ?", [other.cert])
        expect(yield* checked).toEqual([expect.stringMatching(/^fail .*manifold certificate reset/)])
        expect((yield* run(["certificate", "reset", "--yes"])).stdout).toContain("roots of the local CA: 1")
      }),
    60_000
  )
})
