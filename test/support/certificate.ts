/** Certificates made by openssl, for tests that need real ones. */
import { Effect, FileSystem, Layer } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import * as Interactive from "../../layers/platform/cliPlatform.ts"
import * as Platform from "../../layers/platform/Platform.ts"

export const machine = Layer.provideMerge(Interactive.layer, Platform.layer)

/** Whether openssl is installed. */
export const possible = Bun.which("openssl") !== null

/** A certificate for `localhost` and 127.0.0.1 in temporary files, valid for `days`. */
export const certificateFiles = Effect.fnUntraced(function* (days = 1) {
  const files = yield* FileSystem.FileSystem
  const dir = yield* files.makeTempDirectoryScoped()
  const [key, cert] = [`${dir}/key.pem`, `${dir}/cert.pem`]
  const names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
  const subject = ["-subj", "/CN=localhost", "-addext", names, "-days", String(days)]
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
  const children = yield* ChildProcessSpawner.ChildProcessSpawner
  yield* children.string(
    ChildProcess.make("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert, ...subject])
  )
  return { key_file: key, cert_file: cert }
})

/** The PEM texts of such a certificate. */
export const certificate = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const { cert_file, key_file } = yield* certificateFiles()
  return { key: yield* files.readFileString(key_file), cert: yield* files.readFileString(cert_file) }
})
