/** User folders for configuration and state: XDG Base Directory, `~/Library/Application Support`, `%APPDATA%`, `%LOCALAPPDATA%`. */
import { Effect } from "effect"
import { Environment } from "./Environment.ts"

export type Kind = "config" | "state"

type Get = Environment["Service"]["get"]

const program = "manifold"

const kinds = {
  config: { xdg: "XDG_CONFIG_HOME", windows: "APPDATA", roaming: "Roaming", posix: ".config" },
  state: { xdg: "XDG_STATE_HOME", windows: "LOCALAPPDATA", roaming: "Local", posix: ".local/state" }
} as const

/**
 * Same results as effect's `UserDirectories`, which reads variables through `Config` and adds a millisecond to every start.
 * Relative values of variables are ignored (XDG Base Directory Specification).
 */
export const userFolderOn = (
  platform: string,
  kind: Kind,
  get: Get,
  name: string = program
): string | undefined => {
  const windows = platform === "win32"
  const [absolute, separator] = windows ? [/^(?:[a-zA-Z]:)?[\\/]/, "\\"] : [/^\//, "/"]
  const join = (base: string, ...parts: ReadonlyArray<string>) =>
    [base.replace(windows ? /[\\/]+$/ : /\/+$/, ""), ...parts].join(separator)
  const folder = (variable: string) => {
    const value = get(variable)
    return value !== undefined && absolute.test(value) ? value : undefined
  }
  const { posix, roaming, windows: moved, xdg } = kinds[kind]
  const base = folder(xdg) ?? (windows ? folder(moved) : undefined)
  if (base !== undefined) return join(base, name)
  const home = get(windows ? "USERPROFILE" : "HOME") ?? ""
  if (home === "") return undefined
  if (windows) return join(home, "AppData", roaming, name)
  return join(home, platform === "darwin" ? "Library/Application Support" : posix, name)
}

/** The folder, which may not exist; `undefined` for a user without a home folder. */
export const userFolder = (
  kind: Kind,
  name: string = program
): Effect.Effect<string | undefined, never, Environment> =>
  Effect.map(Environment, ({ get }) => userFolderOn(process.platform, kind, get, name))

/** The home folder, or `undefined`; an empty variable counts as not set. */
export const homeFolder = ({ get }: Environment["Service"]): string | undefined =>
  [get("HOME"), get("USERPROFILE")].find((value) => value !== undefined && value !== "")
