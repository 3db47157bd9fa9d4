/** `manifold ca trust|untrust`: adds the root of the local CA to the trust stores of this machine, or removes it. */
import { Console, Effect, FileSystem, Runtime, Schema } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { LocalCa, type Root } from "../../../layers/edge/certificates/LocalCa.ts"
import { findStores, labelOf, type TrustStore } from "../../../layers/edge/certificates/trustStores.ts"
import { describeFileError } from "../../../layers/platform/describeFileError.ts"
import { Machine } from "../../../layers/platform/Machine.ts"
import { reasonOf, run } from "../../../layers/platform/runProgram.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { confirm } from "../confirm.ts"
import { asOperator } from "./asOperator.ts"

type Change = "trust" | "untrust"

/** A trust store was not changed; the output says which. */
class NotChanged extends Schema.TaggedError<NotChanged>()("NotChanged", {}) {
  override readonly [Runtime.errorExitCode] = 1
  override readonly [Runtime.errorReported] = false
}

/** Shell commands of a change, to show and to run by hand. */
const commandsOf = (change: Change, store: TrustStore, rootFile: string): ReadonlyArray<string> => {
  const sudo = store.needsRoot ? "sudo " : ""
  const commands = store[change].map((argv) =>
    argv.map((part) => (/[\s()]/.test(part) ? `'${part}'` : part)).join(" ")
  )
  const file =
    store.file === undefined
      ? []
      : [change === "trust" ? `cp ${rootFile} ${store.file}` : `rm -f ${store.file}`]
  return [...file, ...commands].map((command) => sudo + command)
}

/** The message of a failure, or `undefined`. */
const apply = Effect.fnUntraced(function* (change: Change, store: TrustStore, { certificate }: Root) {
  const fs = yield* FileSystem.FileSystem
  if (store.file !== undefined) {
    const failed = yield* (
      change === "trust"
        ? fs.writeFileString(store.file, certificate, { mode: 0o644 })
        : fs.remove(store.file, { force: true })
    ).pipe(
      Effect.as(undefined),
      Effect.catch(({ reason }) => Effect.succeed(`${store.file}: ${describeFileError(reason)}`))
    )
    if (failed !== undefined) return failed
  }
  for (const argv of store[change]) {
    const outcome = yield* run(argv)
    if (outcome.code !== 0) return `${argv[0]}: ${reasonOf(outcome)}`
  }
  return undefined
})

const done: Record<Change, string> = { trust: "trusts the root", untrust: "does not trust the root any more" }

const changeAll = (change: Change) =>
  Effect.fnUntraced(function* ({ dryRun, yes }: { readonly dryRun: boolean; readonly yes: boolean }) {
    const root = yield* (yield* LocalCa).root
    const fs = yield* FileSystem.FileSystem
    const { isRoot } = yield* Machine
    const rootFile = (yield* Storage).path(`${labelOf(root)}.pem`)
    const { missing, stores } = yield* findStores(root, rootFile)
    yield* Console.log(`${root.name}, SHA-256 ${root.fingerprint}`)
    for (const { hint, program, store } of missing)
      yield* Console.log(`${store}: ${program} is not installed; ${hint}`)
    if (stores.length === 0) {
      yield* Console.log(
        "No trust store was found. `manifold ca export` writes the root, to import it by hand."
      )
      return yield* new NotChanged()
    }
    for (const store of stores) {
      yield* Console.log(`${store.name}:`)
      for (const command of commandsOf(change, store, rootFile)) yield* Console.log(`  ${command}`)
    }
    if (dryRun) return yield* Console.log("Nothing was changed.")
    if (!yes && !(yield* confirm(change === "trust" ? "Trust this root?" : "Remove this root?")))
      return yield* Console.log("Nothing was changed.")
    yield* fs.writeFileString(rootFile, root.certificate)
    let failures = missing.length
    for (const store of stores) {
      const failed =
        store.needsRoot && !isRoot
          ? "this user may not change it: run the commands above with sudo"
          : yield* apply(change, store, root)
      if (failed !== undefined) failures++
      yield* Console.log(`${store.name}: ${failed === undefined ? done[change] : `not changed: ${failed}`}`)
    }
    if (failures > 0) return yield* new NotChanged()
  })

const flags = {
  yes: Flag.Boolean("yes").pipe(Flag.withDescription("Do not prompt"), Flag.withDefault(false)),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Show the commands only, and change nothing"),
    Flag.withDefault(false)
  )
}

export const trust = Command.make("trust", flags, (given) => asOperator(changeAll("trust")(given))).pipe(
  Command.withDescription("Add the root to the trust stores of this machine: system, Chromium and Firefox"),
  Command.withExamples([
    { command: "manifold ca trust --dry-run", description: "Show the commands" },
    {
      command: "manifold ca trust --yes",
      description: "Change the stores of this user; the system needs sudo"
    }
  ])
)

export const untrust = Command.make("untrust", flags, (given) =>
  asOperator(changeAll("untrust")(given))
).pipe(Command.withDescription("Remove the root from the trust stores of this machine"))
