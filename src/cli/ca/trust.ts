/** `manifold ca trust|untrust`: adds the root of the local CA to the trust stores of this machine, or removes it. */
import { Console, Effect, FileSystem, Runtime, Schema } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { LocalCa, type Root } from "../../../layers/edge/certificates/LocalCa.ts"
import { fileOf, replacedRoots, trustingStores } from "../../../layers/edge/certificates/trustedRoots.ts"
import { findStores, type TrustStore } from "../../../layers/edge/certificates/trustStores.ts"
import { describeFileError } from "../../../layers/platform/describeFileError.ts"
import { Machine } from "../../../layers/platform/Machine.ts"
import { reasonOf, run } from "../../../layers/platform/runProgram.ts"
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

const done: Record<Change, (root: string) => string> = {
  trust: (root) => `trusts ${root}`,
  untrust: (root) => `does not trust ${root} any more`
}

/** One change of one store. */
interface Step {
  readonly change: Change
  readonly store: TrustStore
  readonly root: Root
  /** PEM file with the root. */
  readonly file: string
}

const stepsFor = Effect.fnUntraced(function* (change: Change, root: Root) {
  const file = yield* fileOf(root)
  const { missing, stores } = yield* findStores(root, file)
  const own = stores.map((store): Step => ({ change, store, root, file }))
  /** Whatever the change is, a replaced root is not trusted any more. */
  const others = yield* Effect.forEach(yield* replacedRoots(root), (replaced) =>
    Effect.gen(function* () {
      const other = yield* fileOf(replaced)
      return (yield* trustingStores(replaced)).map((store): Step => ({
        change: "untrust",
        store,
        root: replaced,
        file: other
      }))
    })
  )
  return { missing, steps: [...own, ...others.flat()], file }
})

const changeAll = (change: Change) =>
  Effect.fnUntraced(function* ({ dryRun, yes }: { readonly dryRun: boolean; readonly yes: boolean }) {
    const root = yield* (yield* LocalCa).root
    const fs = yield* FileSystem.FileSystem
    const { isRoot } = yield* Machine
    const { file: rootFile, missing, steps } = yield* stepsFor(change, root)
    yield* Console.log(`${root.name}, SHA-256 ${root.fingerprint}`)
    for (const { hint, program, store } of missing)
      yield* Console.log(`${store}: ${program} is not installed; ${hint}`)
    if (steps.length === 0) {
      yield* Console.log(
        "No trust store was found. `manifold ca export` writes the root, to import it by hand."
      )
      return yield* new NotChanged()
    }
    // Otherwise the file is written below.
    if (dryRun && change === "trust") yield* Console.log(`first:\n  manifold ca export ${rootFile}`)
    for (const { change: each, file, root: of, store } of steps) {
      yield* Console.log(`${store.name}${of === root ? "" : `, ${of.name}, which was replaced`}:`)
      for (const command of commandsOf(each, store, file)) yield* Console.log(`  ${command}`)
    }
    if (dryRun) return yield* Console.log("Nothing was changed.")
    if (!yes && !(yield* confirm(change === "trust" ? "Trust this root?" : "Remove this root?")))
      return yield* Console.log("Nothing was changed.")
    yield* fs.writeFileString(rootFile, root.certificate)
    let failures = missing.length
    for (const { change: each, root: of, store } of steps) {
      const failed =
        store.needsRoot && !isRoot
          ? "this user may not change it: run the commands above with sudo"
          : yield* apply(each, store, of)
      if (failed !== undefined) failures++
      const which = of === root ? "the root" : of.name
      yield* Console.log(
        `${store.name}: ${failed === undefined ? done[each](which) : `not changed: ${failed}`}`
      )
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
