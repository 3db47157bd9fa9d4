/** Trust stores of this machine, and the commands that add the root of the local CA to them or remove it. */
import { Effect, FileSystem, Path } from "effect"
import { Environment } from "../../platform/Environment.ts"
import { Machine } from "../../platform/Machine.ts"
import { homeFolder } from "../../platform/userFolders.ts"
import type { Root } from "./LocalCa.ts"

type Argv = readonly [string, ...ReadonlyArray<string>]

export interface TrustStore {
  /** Such as `system` or `Chromium`. */
  readonly name: string
  /** File with the root that the store reads; written before `trust` and removed before `untrust`. */
  readonly file: string | undefined
  readonly trust: ReadonlyArray<Argv>
  readonly untrust: ReadonlyArray<Argv>
  /** Prints the root as PEM if the store has it; `undefined` for a store with a file, or that cannot. */
  readonly show: Argv | undefined
  readonly needsRoot: boolean
}

/** A missing program of the machine that a store needs. */
export interface MissingProgram {
  readonly store: string
  readonly program: string
  readonly hint: string
}

export interface TrustStores {
  readonly stores: ReadonlyArray<TrustStore>
  readonly missing: ReadonlyArray<MissingProgram>
}

interface Facts {
  readonly root: Root
  /** PEM file with the root. */
  readonly file: string
  readonly home: string | undefined
}

/** A name for files and databases: `manifold-local-ca-0c4fc5f1`. */
export const labelOf = ({ name }: Root): string => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")

/** Folders for roots of the system, and the command that reads them. */
const systemFolders: ReadonlyArray<readonly [string, Argv, Argv]> = [
  // Debian, Ubuntu, Alpine.
  ["/usr/local/share/ca-certificates", ["update-ca-certificates"], ["update-ca-certificates", "--fresh"]],
  // Fedora, RHEL.
  ["/etc/pki/ca-trust/source/anchors", ["update-ca-trust"], ["update-ca-trust"]],
  // Arch.
  ["/etc/ca-certificates/trust-source/anchors", ["trust", "extract-compat"], ["trust", "extract-compat"]]
]

const linuxSystem = Effect.fnUntraced(function* ({ root }: Facts) {
  const fs = yield* FileSystem.FileSystem
  for (const [folder, trust, untrust] of systemFolders) {
    if (!(yield* Effect.orElseSucceed(fs.exists(folder), () => false))) continue
    const store: TrustStore = {
      name: "system",
      file: `${folder}/${labelOf(root)}.crt`,
      trust: [trust],
      untrust: [untrust],
      show: undefined,
      needsRoot: true
    }
    return [store]
  }
  return []
})

const mac = ({ file, home, root }: Facts): ReadonlyArray<TrustStore> => [
  {
    name: "keychain of this user",
    file: undefined,
    trust: [
      [
        "security",
        "add-trusted-cert",
        "-r",
        "trustRoot",
        "-k",
        `${home ?? "~"}/Library/Keychains/login.keychain-db`,
        file
      ]
    ],
    untrust: [["security", "remove-trusted-cert", file]],
    show: [
      "security",
      "find-certificate",
      "-c",
      root.name,
      "-p",
      `${home ?? "~"}/Library/Keychains/login.keychain-db`
    ],
    needsRoot: false
  }
]

const windows = ({ file, root }: Facts): ReadonlyArray<TrustStore> => [
  {
    name: "certificates of this user",
    file: undefined,
    trust: [["certutil", "-user", "-addstore", "Root", file]],
    untrust: [["certutil", "-user", "-delstore", "Root", root.name]],
    show: undefined,
    needsRoot: false
  }
]

/** Folders whose children are profiles of Firefox. */
const firefoxFolders = [".mozilla/firefox", "snap/firefox/common/.mozilla/firefox"]

/** Databases of NSS, which Chromium and Firefox read on Linux, by the name of their browser. */
const nssDatabases = Effect.fnUntraced(function* (home: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const found: Array<readonly [name: string, folder: string]> = []
  const isDatabase = (folder: string) =>
    Effect.orElseSucceed(fs.exists(paths.join(folder, "cert9.db")), () => false)
  const chromium = paths.join(home, ".pki/nssdb")
  if (yield* isDatabase(chromium)) found.push(["Chromium", chromium])
  for (const each of firefoxFolders) {
    const folder = paths.join(home, each)
    const profiles = yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])
    for (const profile of profiles) {
      if (yield* isDatabase(paths.join(folder, profile)))
        found.push([`Firefox (${profile})`, paths.join(folder, profile)])
    }
  }
  return found
})

const nss = Effect.fnUntraced(function* ({ file, home, root }: Facts) {
  if (home === undefined) return { stores: [], missing: [] }
  const databases = yield* nssDatabases(home)
  const program = yield* findProgram("certutil")
  if (program === undefined) {
    const missing = databases.map(([store]) => ({
      store,
      program: "certutil",
      hint: "install libnss3-tools (Debian), nss-tools (Fedora) or nss (Arch)"
    }))
    return { stores: [], missing }
  }
  const stores = databases.map(([name, folder]): TrustStore => {
    const database = ["-d", `sql:${folder}`, "-n", root.name]
    return {
      name,
      file: undefined,
      trust: [["certutil", ...database, "-A", "-t", "C,,", "-i", file]],
      untrust: [["certutil", ...database, "-D"]],
      show: ["certutil", ...database, "-L", "-a"],
      needsRoot: false
    }
  })
  return { stores, missing: [] }
})

/** The path of a program in PATH. */
const findProgram = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  const { get } = yield* Environment
  const paths = yield* Path.Path
  for (const folder of (get("PATH") ?? "").split(":")) {
    const path = paths.join(folder, name)
    if (folder !== "" && (yield* Effect.orElseSucceed(fs.exists(path), () => false))) return path
  }
  return undefined
})

/** Trust stores for the root, whose PEM is in `file`. */
export const findStores = Effect.fnUntraced(function* (root: Root, file: string) {
  const { os } = yield* Machine
  const home = homeFolder(yield* Environment)
  const facts: Facts = { root, file, home }
  if (os === "darwin") return { stores: mac(facts), missing: [] } satisfies TrustStores
  if (os === "win32") return { stores: windows(facts), missing: [] } satisfies TrustStores
  const { missing, stores } = yield* nss(facts)
  return { stores: [...(yield* linuxSystem(facts)), ...stores], missing } satisfies TrustStores
})
