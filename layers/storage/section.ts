/** The section `storage`: the state folder, and the Redis that instances share. */
import { Redacted, Schema } from "effect"
import { PathSetting } from "../config/pathSettings.ts"
import { Secret } from "../config/Secret.ts"
import * as Section from "../config/Section.ts"

const redisUrl = /^(?:redis|rediss|valkey|valkeys|redis\+tls|redis\+unix|redis\+tls\+unix):\/\/./

const RedisUrl = Secret.check(
  Schema.makeFilter(
    (url) => redisUrl.test(Redacted.value(url)) || "expected a URL such as redis://:password@host:6379/0"
  )
)

export const section = Section.make(
  "storage",
  Schema.Struct({
    dir: Schema.optionalKey(
      PathSetting("Folder of all state. Default: the platform's state folder for this server (`manifold`).")
    ),
    redis_url: Schema.optionalKey(
      RedisUrl.pipe(
        Schema.annotateEncoded({
          description:
            "Redis that instances share for rate limits and circuit breakers. Default: each counts alone."
        })
      )
    )
  }),
  {
    description: "State folder and shared Redis.",
    env: {
      MANIFOLD_STORAGE_DIR: { path: ["dir"], kind: "path" },
      REDIS_URL: { path: ["redis_url"], kind: "string" }
    }
  }
)
