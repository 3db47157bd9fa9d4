/** Check of `doctor`: connects to every configured upstream server. */
import { Duration, Effect, type FileSystem, Layer, type Path } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import type { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { section } from "../../../layers/upstream/section.ts"
import { accounts } from "../../program/accounts.ts"
import { probeConfigured } from "../upstream/probeConfigured.ts"
import { type Check, fail, ok, warn } from "./Check.ts"
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
    return yield* Effect.forEach(
      servers,
      ([name, settings]) =>
        Effect.map(probeConfigured(name, settings, timeout), (steps) => {
          const last = steps.at(-1)
          const detail = last?.detail.replaceAll(/\s*\n\s*/g, " ")
          if (last?.degraded === true) return warn(`${name}: degraded: ${detail}. ${last.fix}`)
          if (last?.ok === true) return ok(`${name}: ${detail}`)
          // Other principals may have signed in.
          return last?.signIn === true && settings.credentials === "per_user"
            ? warn(`${name}: reachable, but the user of this machine has no account there. ${last.fix}`)
            : fail(`${name}: ${detail}. ${last?.fix}`)
        }),
      { concurrency }
    ).pipe(Effect.provide(accounts.pipe(Layer.provide(Ids.layer))))
  }).pipe(Effect.catchTag("ConfigInvalid", () => Effect.succeed([notCheckable("upstream servers")])))
}
