/** The user's folders agree with effect's `UserDirectories` on each platform, for any variables. */
import { expect } from "bun:test"
import { ConfigProvider, Effect, Option } from "effect"
import * as UserDirectories from "effect/persistence/UserDirectories"
import fc from "fast-check"
import { userFolderOn } from "../../../layers/platform/userFolders.ts"
import { it } from "../../support/effect.ts"

const variables = ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_STATE_HOME"]
const values = ["/home/u", "/home/u/", "relative", "C:\\Users\\u", "C:/u/", "\\\\server\\u"]

it.effect("the user's folders agree with UserDirectories", () => {
  const environment = fc.dictionary(fc.constantFrom(...variables), fc.constantFrom(...values))
  const property = fc.asyncProperty(
    fc.constantFrom("linux", "darwin", "win32"),
    fc.constantFrom("config" as const, "state" as const),
    environment,
    async (platform, kind, env) => {
      const folder = UserDirectories.make({ platform })[kind]("manifold")
      const expected = await Effect.runPromise(
        Effect.option(folder).pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { ...env } }))
        )
      )
      expect(userFolderOn(platform, kind, (name) => env[name])).toBe(Option.getOrUndefined(expected))
    }
  )
  return Effect.promise(() => fc.assert(property, { numRuns: 500 }))
})
