/** Every problem of the configuration. */
import { Effect } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { usualFile } from "../../../layers/config/Document.ts"
import { notices } from "../../program/upcomingSections.ts"
import { sections } from "../../program/sections.ts"
import { type Check, fail, ok, warn } from "./Check.ts"

export const configuration: Check<ConfigSource> = {
  name: "configuration",
  run: Effect.gen(function* () {
    const config = yield* ConfigSource
    yield* config.check(sections)
    const found = yield* config.found
    const source = found.source ?? `the defaults, since there is no ${usualFile} here`
    return [ok(`nothing is wrong with ${source}`), ...notices(found).map(warn)]
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

/** What a check says that needs a configuration which is wrong. */
export const unknown = (what: string) => fail(`${what} cannot be told until the configuration is right`)
