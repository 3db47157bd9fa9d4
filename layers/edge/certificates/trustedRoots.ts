/** Roots of the local CA that this machine trusts: the current one, and those that it has replaced. */
import { Effect, FileSystem, Path } from "effect"
import { inspect } from "../../http/certificateChain.ts"
import { run } from "../../platform/runProgram.ts"
import { Storage } from "../../storage/Storage.ts"
import type { Root } from "./LocalCa.ts"
import { findStores, labelOf, type TrustStore } from "./trustStores.ts"

/** Of the file that `manifold ca trust` writes for each root, in the state folder. */
const rootFile = /^manifold-local-ca-[\da-f]+\.pem$/

export const fileOf = (root: Root) => Effect.map(Storage, ({ path }) => path(`${labelOf(root)}.pem`))

/** Roots that were replaced: of files of the state folder, because a reset removes them from the database. */
export const replacedRoots = Effect.fnUntraced(function* (current: Root | undefined) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const { dir: folder } = yield* Storage
  const names = yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])
  const roots = yield* Effect.forEach(
    names.filter((name) => rootFile.test(name)),
    (name) =>
      fs.readFileString(paths.join(folder, name)).pipe(
        Effect.flatMap((certificate) =>
          Effect.map(inspect(certificate), ({ fingerprint, issuer, notAfter }): ReadonlyArray<Root> => [
            { certificate, name: issuer, notAfter, fingerprint }
          ])
        ),
        // Not written by this program, or damaged.
        Effect.orElseSucceed((): ReadonlyArray<Root> => [])
      )
  )
  return roots.flat().filter(({ fingerprint }) => fingerprint !== current?.fingerprint)
})

/** Whether the store has the root. A store that cannot be read has none. */
export const isTrusted = Effect.fnUntraced(function* ({ file, show }: TrustStore, root: Root) {
  const fs = yield* FileSystem.FileSystem
  const text =
    file === undefined
      ? show === undefined
        ? ""
        : (yield* run(show)).stdout
      : yield* Effect.orElseSucceed(fs.readFileString(file), () => "")
  return yield* Effect.match(inspect(text), {
    onSuccess: ({ fingerprint }) => fingerprint === root.fingerprint,
    onFailure: () => false
  })
})

/** Stores of this machine that trust the root. */
export const trustingStores = Effect.fnUntraced(function* (root: Root) {
  const { stores } = yield* findStores(root, yield* fileOf(root))
  return yield* Effect.filter(stores, (store) => isTrusted(store, root))
})
