/** What makes an entry of a client unsafe or short-lived: files of the working folder, caches of package runners, relative paths. */
import { Predicate } from "effect"

/** Folders that npx, bunx, `pnpm dlx` and `yarn dlx` fill, and that are emptied at times. */
const caches: ReadonlyArray<readonly [pattern: RegExp, runner: string]> = [
  [/[/\\]_npx[/\\]/, "npx"],
  [/[/\\]bunx-[^/\\]+[/\\]/, "bunx"],
  [/[/\\]\.bun[/\\]install[/\\]cache[/\\]/, "bunx"],
  [/[/\\]pnpm(?:-cache)?[/\\](?:[^/\\]+[/\\])*dlx(?:-[^/\\]*)?[/\\]/, "pnpm dlx"],
  [/[/\\]xfs-[0-9a-f]+[/\\]dlx-/, "yarn dlx"],
  [/[/\\]deno[/\\]npm[/\\]/, "deno"]
]

/** The package runner in whose cache the path lies. */
export const runnerOf = (path: string): string | undefined =>
  caches.find(([pattern]) => pattern.test(path))?.[1]

/** Bun's flags without which it reads `.env`, `bunfig.toml` and `tsconfig.json` of the folder in which it is started. */
const isSafe = (args: ReadonlyArray<string>) =>
  args.some((arg) => arg.startsWith("--cwd=")) && args.includes("--no-env-file")

const isBun = (command: string) => /(?:^|[/\\])bun(?:\.exe)?$/i.test(command)

const strings = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter(Predicate.isString) : []

const absolute = /^(?:[a-zA-Z]:)?[/\\]|^~[/\\]/

/** What is wrong with an entry that starts this program, as phrases that follow a client's name. */
export const entryProblems = (entry: unknown): ReadonlyArray<string> => {
  if (!Predicate.isObject(entry)) return []
  const command: unknown = Reflect.get(entry, "command")
  const env: unknown = Reflect.get(entry, "env")
  if (!Predicate.isString(command)) return []
  const args = strings(Reflect.get(entry, "args"))
  const cached = [command, ...args].find((path) => runnerOf(path) !== undefined)
  const named = Predicate.isObject(env) ? Reflect.get(env, "MCP_CONFIG_PATH") : undefined
  const configs = args.flatMap((arg, index) => {
    if (arg === "--config") return args.slice(index + 1, index + 2)
    return arg.startsWith("--config=") ? [arg.slice("--config=".length)] : []
  })
  const files = [named, ...configs].filter(Predicate.isString)
  const relative = files.find((file) => file !== "" && !absolute.test(file))
  return [
    ...(cached === undefined
      ? []
      : [`starts ${cached}, which is in the cache of ${runnerOf(cached)} and may be removed at any time`]),
    ...(isBun(command) && !isSafe(args)
      ? ["lets Bun read .env, bunfig.toml and tsconfig.json of the folder in which it is started"]
      : []),
    ...(relative === undefined
      ? []
      : [`names the configuration ${relative} without its folder, so that any folder can provide it`])
  ]
}
