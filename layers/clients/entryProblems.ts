/** Finds unsafe or short-lived client entries: files of the working folder, caches of package runners, relative paths. */
import { Predicate } from "effect"

/** Cache folders of package runners, which may be deleted at any time. */
const caches: ReadonlyArray<readonly [pattern: RegExp, runner: string]> = [
  [/[/\\]_npx[/\\]/, "npx"],
  [/[/\\]bunx-[^/\\]+[/\\]/, "bunx"],
  [/[/\\]\.bun[/\\]install[/\\]cache[/\\]/, "bunx"],
  [/[/\\]pnpm(?:-cache)?[/\\](?:[^/\\]+[/\\])*dlx(?:-[^/\\]*)?[/\\]/, "pnpm dlx"],
  [/[/\\]xfs-[0-9a-f]+[/\\]dlx-/, "yarn dlx"],
  [/[/\\]deno[/\\]npm[/\\]/, "deno"]
]

/** The package runner whose cache contains the path. */
export const runnerOf = (path: string): string | undefined =>
  caches.find(([pattern]) => pattern.test(path))?.[1]

/** With these flags Bun does not read `.env`, `bunfig.toml` and `tsconfig.json` of the working folder. */
const isSafe = (args: ReadonlyArray<string>) =>
  args.some((arg) => arg.startsWith("--cwd=")) && args.includes("--no-env-file")

const isBun = (command: string) => /(?:^|[/\\])bun(?:\.exe)?$/i.test(command)

const strings = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter(Predicate.isString) : []

const absolute = /^(?:[a-zA-Z]:)?[/\\]|^~[/\\]/

/** Problems of an entry that starts this program, as phrases after a client's name. */
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
      ? ["lets Bun read .env, bunfig.toml and tsconfig.json of the working folder"]
      : []),
    ...(relative === undefined
      ? []
      : [`uses the relative path ${relative} for the configuration, which depends on the working folder`])
  ]
}
