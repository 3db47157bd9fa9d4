/** The user's folders for settings and state: XDG Base Directory, `~/Library/Application Support`, `%APPDATA%`, `%LOCALAPPDATA%`. */
import { ConfigProvider, Effect } from "effect"
import * as UserDirectories from "effect/persistence/UserDirectories"
import { Environment } from "./Environment.ts"

/** They come from our environment service, so that a test can set them. */
const variables = [
  "HOME",
  "USERPROFILE",
  "APPDATA",
  "LOCALAPPDATA",
  "XDG_CONFIG_HOME",
  "XDG_STATE_HOME"
] as const

const name = "manifold"

/** The program's folder of that kind; `undefined` for a user without a home folder. It may not exist. */
export const userFolder = (kind: "config" | "state"): Effect.Effect<string | undefined, never, Environment> =>
  Effect.flatMap(Environment, ({ get }) => {
    const given = variables.flatMap((variable) => {
      const value = get(variable) ?? ""
      return value === "" ? [] : [[variable, value] as const]
    })
    const folderOf = UserDirectories.make()[kind]
    return folderOf(name).pipe(
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromEnv({ env: Object.fromEntries(given) })
      ),
      Effect.orElseSucceed(() => undefined)
    )
  })

/** The home folder, or `undefined`; an empty variable counts as not set. */
export const homeFolder = ({ get }: Environment["Service"]): string | undefined =>
  [get("HOME"), get("USERPROFILE")].find((value) => value !== undefined && value !== "")
