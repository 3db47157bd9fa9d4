/** Check of `doctor`: connects to every configured upstream server. */
import { Duration, Effect, type FileSystem, type Path } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as http from "../../../layers/http/section.ts"
import type { Environment } from "../../../layers/platform/Environment.ts"
import { section } from "../../../layers/upstream/section.ts"
import { type Check, fail, ok } from "./Check.ts"
import { notCheckable } from "./configuration.ts"

/** Less than the time limit of a check. */
const timeout = Duration.seconds(8)
const concurrency = 8

export const upstreams: Check<ConfigSource | Environment | FileSystem.FileSystem | Path.Path> = {
  name: "upstreams",
  run: Effect.gen(function* () {
    const config = yield* ConfigSource
    const servers = Object.entries(yield* config.read(section)).filter(([, { enabled }]) => enabled)
    if (servers.length === 0) return []
    const { max_message_bytes } = yield* config.read(http.section)
    const { probe } = yield* Effect.promise(() => import("../../upstreams/probe.ts"))
    return yield* Effect.forEach(
      servers,
      ([name, settings]) =>
        Effect.map(probe({ name, settings, maxMessageBytes: max_message_bytes, timeout }), (steps) => {
          const last = steps.at(-1)
          return last?.ok === true
            ? ok(`${name}: ${last.detail}`)
            : fail(`${name}: ${last?.detail.replaceAll(/\s*\n\s*/g, " ")}. ${last?.fix}`)
        }),
      { concurrency }
    )
  }).pipe(Effect.catchTag("ConfigInvalid", () => Effect.succeed([notCheckable("upstream servers")])))
}
