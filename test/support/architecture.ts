/** Checks the imports of `layers/` and `src/` against the house rules, which are the constants at the top. */
import { posix } from "node:path"

/**
 * Import order: a group may import itself and lower ranks. Groups of one rank must not import each other.
 * A file's group is its folder under `src/` (or its name, for a file directly in `src/`).
 */
export const ranks: ReadonlyArray<ReadonlyArray<string>> = [
  ["domain"],
  ["layers"],
  ["catalog"],
  ["tools", "prompts", "resources"],
  ["mcp", "chat", "http"],
  ["upstreams"],
  ["rest"],
  ["program"],
  ["cli"],
  ["main", "index"]
]

/** The same for the folders of `layers/`, lowest first. */
export const layerRanks: ReadonlyArray<ReadonlyArray<string>> = [
  ["platform", "cache"],
  ["config"],
  ["quotas"],
  ["storage", "http", "events", "health"],
  ["ledger"],
  ["logging"],
  ["audit"],
  ["identity", "outbound", "output", "templates", "containers"],
  ["telemetry", "progress", "clients", "web", "decks"],
  ["guard"],
  ["transports", "models", "usage", "chat"],
  ["upstream", "edge"],
  ["commands", "daemon"]
]

/** Files that may re-export: the lists, and the library's public names. */
export const lists: ReadonlyArray<string> = [
  "src/index.ts",
  "src/tools/index.ts",
  "src/prompts/index.ts",
  "src/resources/index.ts"
]

/** Where the machine's own interfaces may be named: the platform services, and the HTTP server on `Bun.serve`. */
const platform: ReadonlyArray<string> = ["layers/platform/", "layers/http/"]

export interface Exception {
  readonly file: string
  readonly specifier: string
  readonly reason: string
}

/** Imports of the machine's interfaces outside `layers/platform`, each with the reason why a service would not do. */
export const exceptions: ReadonlyArray<Exception> = []

/** Path from the repository's root → source text. */
export type Sources = ReadonlyMap<string, string>

const machine = /^(node:|bun$|bun:|@effect\/platform-)/
const opening = /^(?:#![^\n]*\n)?\/\*\*(?<text>(?:(?!\*\/)[^])*?\.(?=[\s`)*])(?:(?!\*\/)[^])*)\*\//
const statement = /^[ \t]*(?:import|export)\b[^"'`;=()]*?\bfrom\s*["'](?<from>[^"']+)["']/gm
const bare = /^[ \t]*import\s*["'](?<from>[^"']+)["']/gm
const inline = /^(?![ \t]*(?:\*|\/\/|\/\*)).*?\b(?:import|require)\(\s*["'](?<from>[^"']+)["']/gm
const worker = /\bnew URL\(\s*["'](?<from>\.[^"']+)["']\s*,\s*import\.meta\.url/g
const passedOn = /^[ \t]*export\s+(?:type\s+)?(?:\*|\{[^}]*\})\s*(?:as\s+\w+\s+)?from\b/m

/** Import specifiers of a file, including types, `export … from`, `import()` and workers. */
export const importsOf = (source: string): ReadonlyArray<string> => {
  const found = [statement, bare, inline, worker].flatMap((pattern) =>
    Array.from(source.matchAll(pattern), (match) => match.groups?.["from"] ?? "")
  )
  return [...new Set(found)]
}

const groupOf = (file: string): string => {
  const [root = "", next = ""] = file.split("/")
  return root === "src" ? next.replace(/\.tsx?$/, "") : root
}

const rankOf = (file: string) => ranks.findIndex((groups) => groups.includes(groupOf(file)))

/** The folder under `layers/`. */
const layerOf = (file: string): string => file.split("/")[1] ?? ""

const layerRankOf = (file: string) => layerRanks.findIndex((layers) => layers.includes(layerOf(file)))

interface Place {
  readonly name: string
  /** -1 where no rank has it; reported for the file itself. */
  readonly rank: number
}

/** Ranks of two files in the narrowest order that has both; `undefined` if they are in one group. */
const placesOf = (file: string, target: string): readonly [Place, Place] | undefined => {
  const place = (path: string): Place => ({ name: groupOf(path), rank: rankOf(path) })
  const layer = (path: string): Place => ({ name: `layers/${layerOf(path)}`, rank: layerRankOf(path) })
  if (groupOf(file) !== groupOf(target)) return [place(file), place(target)]
  if (groupOf(file) !== "layers" || layerOf(file) === layerOf(target)) return undefined
  return [layer(file), layer(target)]
}

const isCode = (file: string) => /\.tsx?$/.test(file) && /^(src|layers)\//.test(file)

const resolve = (file: string, specifier: string) => posix.join(posix.dirname(file), specifier)

const edgeProblem = (file: string, specifier: string, sources: Sources): string | undefined => {
  if (!specifier.startsWith(".")) {
    return groupOf(file) === "domain" && !/^effect(\/|$)/.test(specifier)
      ? `${file}: src/domain imports effect and nothing else, not ${specifier}`
      : undefined
  }
  const target = resolve(file, specifier)
  if (target.startsWith("test/")) return `${file}: the product must not import its tests (${specifier})`
  if (!/^(src|layers)\//.test(target)) return undefined
  if (isCode(target) ? !sources.has(target) : !/\.[a-z]+$/.test(target)) {
    return `${file}: ${specifier} names no file; imports name the file, with its extension`
  }
  const places = placesOf(file, target)
  if (places === undefined) return undefined
  const [from, to] = places
  if (to.rank < 0 || from.rank < 0) return undefined
  if (to.rank > from.rank)
    return `${file}: ${from.name} must not import ${to.name} (${specifier}): that is upward`
  return to.rank === from.rank
    ? `${file}: ${from.name} and ${to.name} must not know each other (${specifier})`
    : undefined
}

/** One path for each import cycle: `a → b → a`. */
export const cycles = (sources: Sources): ReadonlyArray<string> => {
  const found: Array<string> = []
  const done = new Set<string>()
  const path: Array<string> = []
  const visit = (file: string): void => {
    const start = path.indexOf(file)
    if (start >= 0) {
      found.push(`a cycle: ${[...path.slice(start), file].join(" → ")}`)
      return
    }
    if (done.has(file)) return
    path.push(file)
    for (const specifier of importsOf(sources.get(file) ?? "")) {
      if (specifier.startsWith(".") && sources.has(resolve(file, specifier))) visit(resolve(file, specifier))
    }
    path.pop()
    done.add(file)
  }
  for (const file of sources.keys()) visit(file)
  return found
}

const fileProblems = (
  file: string,
  source: string,
  allowed: ReadonlyArray<Exception>
): ReadonlyArray<string> => {
  const problems: Array<string> = []
  if (rankOf(file) < 0) problems.push(`${file}: "${groupOf(file)}" has no rank: add it to ranks`)
  if (groupOf(file) === "layers" && layerRankOf(file) < 0)
    problems.push(`${file}: "layers/${layerOf(file)}" has no rank: add it to layerRanks`)
  if (!opening.test(source)) {
    problems.push(`${file}: must start with a /** sentence that says what the file is for. */`)
  }
  if (!lists.includes(file)) {
    if (/\/index\.tsx?$/.test(file)) problems.push(`${file}: a barrel; only ${lists.join(", ")} are lists`)
    if (passedOn.test(source))
      problems.push(`${file}: passes on another file's exports; import that file instead`)
  }
  if (!platform.some((folder) => file.startsWith(folder))) {
    for (const specifier of importsOf(source)) {
      if (!machine.test(specifier)) continue
      if (allowed.some((each) => each.file === file && each.specifier === specifier)) continue
      problems.push(`${file}: ${specifier} belongs in ${platform[0]}; ask for a service`)
    }
  }
  return problems
}

/** Every violation of the house rules in the given files, one line each. */
export const problemsOf = (sources: Sources, allowed: ReadonlyArray<Exception>): ReadonlyArray<string> => [
  ...[...sources].flatMap(([file, source]) => [
    ...fileProblems(file, source, allowed),
    ...importsOf(source).flatMap((specifier) => edgeProblem(file, specifier, sources) ?? [])
  ]),
  ...cycles(sources),
  ...allowed
    .filter(({ file, specifier }) => !importsOf(sources.get(file) ?? "").includes(specifier))
    .map(({ file, specifier }) => `${file} no longer imports ${specifier}: remove the exception`)
]
