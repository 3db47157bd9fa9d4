/** Certificates of the edge in tests: an instance over a database, and certificates that openssl makes. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer, Logger } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Certificates } from "../../layers/edge/certificates/Certificates.ts"
import { CertificateStore } from "../../layers/edge/certificates/CertificateStore.ts"
import { LocalCa } from "../../layers/edge/certificates/LocalCa.ts"
import { ServedCertificates } from "../../layers/edge/certificates/ServedCertificates.ts"
import { Domains } from "../../layers/edge/Domains.ts"
import { ProxyTable } from "../../layers/edge/ProxyTable.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import type { StorageSettings } from "./databases.ts"

type Edge = Readonly<Record<string, unknown>>

const base = (
  storage: StorageSettings,
  edge: Edge,
  ...loggers: ReadonlyArray<Logger.Logger<unknown, unknown>>
) =>
  Layer.mergeAll(CertificateStore.layer, Domains.layer, ProxyTable.layer).pipe(
    Layer.provideMerge(Audit.layer),
    Layer.provideMerge(Sql.layer),
    Layer.provideMerge(Storage.layer),
    Layer.provideMerge(ConfigSource.layerFrom({ storage, edge })),
    Layer.provideMerge(Layer.mergeAll(Environment.layerTest({}), Ids.layer, Platform.layer)),
    Layer.provideMerge(Logger.layer([...loggers]))
  )

/** The store and its administration, without listeners. */
export const administration = (storage: StorageSettings, edge: Edge = {}) =>
  Layer.fresh(Layer.mergeAll(Certificates.layer, LocalCa.layer).pipe(Layer.provideMerge(base(storage, edge))))

/** One instance that serves certificates. */
export const instance = (
  storage: StorageSettings,
  edge: Edge = {},
  ...loggers: ReadonlyArray<Logger.Logger<unknown, unknown>>
) =>
  Layer.fresh(
    Layer.mergeAll(Certificates.layer, ServedCertificates.layer).pipe(
      Layer.provideMerge(LocalCa.layer),
      Layer.provideMerge(base(storage, edge, ...loggers))
    )
  )

/** A temporary folder in which openssl runs. */
const workshop = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-openssl-"))),
  (dir) => Effect.promise(() => rm(dir, { recursive: true, force: true }))
)

export interface Made {
  readonly cert: string
  readonly key: string
}

interface Request {
  readonly names: ReadonlyArray<string>
  /** Default: itself. */
  readonly issuer?: Made
  readonly days?: number
  /** Options of `-addext`. */
  readonly extensions?: ReadonlyArray<string>
  /** Options of `-newkey`. */
  readonly keys?: ReadonlyArray<string>
}

const usualKeys = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]

/** A certificate for DNS names, made by openssl. */
export const make = Effect.fnUntraced(function* ({
  days = 2,
  extensions = [],
  issuer,
  keys = usualKeys,
  names
}: Request) {
  const dir = yield* workshop
  const names_ = names.length === 0 ? [] : [`subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`]
  const added = [...names_, ...extensions].flatMap((each) => ["-addext", each])
  return yield* Effect.promise(async (): Promise<Made> => {
    const files = { key: join(dir, "key.pem"), cert: join(dir, "cert.pem") }
    const by: Array<string> = []
    if (issuer !== undefined) {
      await Bun.write(join(dir, "ca.pem"), issuer.cert)
      await Bun.write(join(dir, "ca.key"), issuer.key)
      by.push("-CA", join(dir, "ca.pem"), "-CAkey", join(dir, "ca.key"))
    }
    const output = ["-nodes", "-keyout", files.key, "-out", files.cert, "-days", String(days)]
    const subject = ["-subj", `/CN=${names[0] ?? "nameless"}`]
    const command = ["openssl", "req", "-x509", "-newkey", ...keys, ...output, ...subject, ...by, ...added]
    const { exitCode, stderr } = Bun.spawnSync(command)
    if (exitCode !== 0) throw new Error(stderr.toString())
    return { cert: await Bun.file(files.cert).text(), key: await Bun.file(files.key).text() }
  })
})

/** Self-signed, and may issue others. */
export const makeAuthority = (name: string) =>
  make({ names: [name], extensions: ["keyUsage=critical,keyCertSign"] })

/** What may not issue others. */
export const leaf = ["basicConstraints=critical,CA:FALSE"]
