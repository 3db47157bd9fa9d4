/** Checks the configuration and reports every problem. */
import { Effect, type FileSystem, type Path } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { legacyFileWarning } from "../../../layers/config/legacyFileWarning.ts"
import { sections } from "../../program/sections.ts"
import { type Check, fail, ok, warn } from "./Check.ts"

export const configuration: Check<ConfigSource | FileSystem.FileSystem | Path.Path> = {
  name: "configuration",
  run: Effect.gen(function* () {
    const config = yield* ConfigSource
    yield* config.check(sections)
    const found = yield* config.found
    const none = found.file === undefined ? "no configuration file" : `${found.file} does not exist`
    const unread = yield* legacyFileWarning(found)
    return [
      ok(found.source === undefined ? `${none}; using defaults` : `${found.source} is valid`),
      ...(unread === undefined ? [] : [warn(unread)])
    ]
  }).pipe(
    Effect.catchTag("ConfigInvalid", ({ problems }) =>
      Effect.succeed(
        problems.map(({ message, path, source: at }) =>
          fail(`${path === "" ? "" : `${path}: `}${message} (${at})`)
        )
      )
    )
  )
}

/** Finding of a check that needs a valid configuration. */
export const notCheckable = (what: string) => fail(`cannot check ${what} until the configuration is valid`)
