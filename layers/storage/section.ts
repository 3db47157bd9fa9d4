/** The section `storage`: the state folder, the database, and the Redis that instances share. */
import { Duration, Redacted, Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import { PathSetting } from "../config/pathSettings.ts"
import { Secret } from "../config/Secret.ts"
import * as Section from "../config/Section.ts"

const redisUrl = /^(?:redis|rediss|valkey|valkeys|redis\+tls|redis\+unix|redis\+tls\+unix):\/\/./

const RedisUrl = Secret.check(
  Schema.makeFilter(
    (url) => redisUrl.test(Redacted.value(url)) || "expected a URL such as redis://:password@host:6379/0"
  )
)

const postgresUrl = /^postgres(?:ql)?:\/\/[^/]+\/./

const PostgresUrl = Secret.check(
  Schema.makeFilter(
    (url) =>
      (postgresUrl.test(Redacted.value(url)) && URL.canParse(Redacted.value(url))) ||
      "expected a URL such as postgres://user:password@host:5432/name"
  )
)

/** Daily budgets count the earlier hours of the day, so these must be kept. */
const kept = (usual: string, description: string) =>
  Section.optional(
    DurationSetting.check(
      Schema.makeFilter((time) => Duration.toDays(time) >= 2 || "must be at least 2 days")
    ),
    usual,
    description
  )

const RetentionSettings = Schema.Struct({
  usage_calls: kept("400 days", "The ledger's rows: one for each call that spent something."),
  usage_spent: kept("400 days", "Hourly sums of each principal."),
  api_tokens: kept("90 days", "Revoked and expired API tokens, as `manifold token list --all` shows them."),
  audit_rows: kept("400 days", "Rows of the audit log.")
})
export type Retention = typeof RetentionSettings.Type

export const section = Section.make(
  "storage",
  Schema.Struct({
    dir: Schema.optionalKey(
      PathSetting("State folder. Default: the platform's state folder for this server (`manifold`).")
    ),
    redis_url: Schema.optionalKey(
      RedisUrl.pipe(
        Schema.annotateEncoded({
          description:
            "Redis that instances share for rate limits and circuit breakers. Default: each counts alone."
        })
      )
    ),
    postgres_url: Schema.optionalKey(
      PostgresUrl.pipe(
        Schema.annotateEncoded({
          description:
            "PostgreSQL that instances share for usage, budgets and conversations. Default: SQLite, the file `manifold.db` in `dir`."
        })
      )
    ),
    retention: Section.optional(RetentionSettings, {}, "How long rows of the database are kept, by table.")
  }),
  {
    description: "State folder, database and shared Redis.",
    env: {
      MANIFOLD_STORAGE_DIR: { path: ["dir"], kind: "path" },
      MANIFOLD_POSTGRES_URL: { path: ["postgres_url"], kind: "string" },
      REDIS_URL: { path: ["redis_url"], kind: "string" }
    }
  }
)
