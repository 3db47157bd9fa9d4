/** Compiles the program and its workers into one file for a platform. */
import { mkdir } from "node:fs/promises"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"

/** The folder of the repository, with a `/` at its end. */
export const root = fileURLToPath(new URL("../../../", import.meta.url))

/** Names of downloads → targets of `bun build --compile`, whose runtimes are packages of the npm registry. */
export const targets = {
  "linux-x64": "bun-linux-x64",
  "linux-arm64": "bun-linux-arm64",
  "linux-x64-musl": "bun-linux-x64-musl",
  "linux-arm64-musl": "bun-linux-arm64-musl",
  "darwin-x64": "bun-darwin-x64",
  "darwin-arm64": "bun-darwin-arm64",
  "windows-x64": "bun-windows-x64"
} as const

export type Target = keyof typeof targets

export const isTarget = (name: string): name is Target => Object.hasOwn(targets, name)

/** The program, and the workers that it starts by their URL. */
export const entries = [
  "src/main.ts",
  "layers/web/readerWorker.ts",
  "layers/decks/deckWorker.ts",
  "layers/ledger/tokenWorker.ts"
]

/** Arguments of `bun build`, without a target, entry points and an output. */
export const flags = [
  "--compile",
  "--bytecode",
  "--format=esm",
  "--splitting",
  // Minifying names or syntax breaks oidc-provider, which uses names of classes.
  "--minify-whitespace",
  // A binary must not read configuration of Bun, or run its preloads, in the folder in which it is started.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--entry-naming=[name].[ext]"
]

export interface Commit {
  readonly commit: string
  /** `2026-11-26`, in UTC. */
  readonly date: string
}

const git = async (...args: ReadonlyArray<string>) => {
  if (Bun.which("git") === null) return undefined
  const child = Bun.spawn(["git", ...args], { cwd: root, stdout: "pipe", stderr: "ignore" })
  const [stdout, code] = await Promise.all([child.stdout.text(), child.exited])
  return code === 0 ? stdout.trim() : undefined
}

const dayOf = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 10)

/**
 * The commit of this folder. `MANIFOLD_COMMIT` and `SOURCE_DATE_EPOCH` (seconds, reproducible-builds.org) override it, for
 * sources without a repository; undefined if neither is known.
 */
export const commitOf = async (
  env: Readonly<Record<string, string | undefined>>
): Promise<Commit | undefined> => {
  const given = env["MANIFOLD_COMMIT"] ?? ""
  const epoch = env["SOURCE_DATE_EPOCH"] ?? ""
  if (given !== "" && epoch !== "") return { commit: given.slice(0, 12), date: dayOf(Number(epoch)) }
  // A clone inside of another repository must not take that one's commit.
  if ((await git("rev-parse", "--show-prefix")) !== "") return undefined
  const found = await git("log", "-1", "--format=%h %ct", "--abbrev=12")
  if (found === undefined) return undefined
  const [commit = "", seconds = ""] = found.split(" ")
  const isModified = (await git("status", "--porcelain", "--untracked-files=no")) !== ""
  return { commit: isModified ? `${commit}-modified` : commit, date: dayOf(Number(seconds)) }
}

/** Writes the executable; `target` undefined: for this machine. Rejects with the output of Bun if it cannot be built. */
export const buildBinary = async (outfile: string, commit: Commit | undefined, target?: Target) => {
  await mkdir(dirname(outfile), { recursive: true })
  const child = Bun.spawn(
    [
      process.execPath,
      "build",
      ...flags,
      ...(commit === undefined ? [] : [`--define=MANIFOLD_BUILD=${JSON.stringify(commit)}`]),
      ...(target === undefined ? [] : [`--target=${targets[target]}`]),
      ...entries,
      "--outfile",
      outfile
    ],
    { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe" }
  )
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${stdout}${stderr}`.trim())
}
