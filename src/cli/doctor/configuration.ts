/** Every problem of the configuration. */
import { Effect } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { sections } from "../sections.ts"
import { type Check, fail, ok } from "./Check.ts"

const source = (environment: Environment["Service"]) => {
  if (environment.get("MCP_CONFIG_JSON")) return "MCP_CONFIG_JSON"
  return environment.get("MCP_CONFIG_PATH") || "manifold.yaml, where there is one, and the environment"
}

export const configuration: Check<ConfigSource | Environment> = {
  name: "configuration",
  run: Effect.gen(function* () {
    const environment = yield* Environment
    const config = yield* ConfigSource
    return yield* config.check(sections).pipe(
      Effect.as([ok(`nothing is wrong with ${source(environment)}`)]),
      Effect.catchTag("ConfigInvalid", ({ problems }) =>
        Effect.succeed(
          problems.map(({ message, path, source: at }) =>
            fail(`${path === "" ? "" : `${path}: `}${message} (${at})`)
          )
        )
      )
    )
  })
}

/** What a check says that needs a configuration which is wrong. */
export const unknown = (what: string) => fail(`${what} cannot be told until the configuration is right`)
