/** The section `quotas`: limits of memory, open connections and disk space held by one principal, and by all principals. */
import { Schema } from "effect"
import * as Section from "../config/Section.ts"

const positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }))

const mebibyte = 1024 * 1024

const quota = (what: string, principal: number, total: number) =>
  Section.optional(
    Schema.Struct({
      principal: Section.optional(positive, principal, "Maximum for one principal."),
      total: Section.optional(positive, total, "Maximum for all principals together.")
    }),
    {},
    what
  )

export const section = Section.make(
  "quotas",
  Schema.Struct({
    memory: quota(
      "Retained bytes: large request bodies, buffered responses and events, replay logs, subscriptions, " +
        "session data, suspended calls.",
      64 * mebibyte,
      256 * mebibyte
    ),
    streams: quota(
      "Open event streams, NDJSON streams, subscriptions/listen streams and WebSockets.",
      5000,
      10_000
    ),
    sessions: quota(
      "Open sessions of MCP up to 2025-11-25; `mcp.sessions.max` limits their total as well.",
      5000,
      10_000
    ),
    subscriptions: quota("Resource subscriptions of all sessions.", 5000, 50_000),
    connections: quota("Connections to MCP servers that were made over REST.", 32, 256),
    sign_ins: quota("Sign-ins at upstream servers that wait for a user.", 8, 256),
    output: quota("Bytes of files in the output folder.", 1024 * mebibyte, 10 * 1024 * mebibyte)
  }),
  { description: "Quotas: maximums held by one principal, and by all principals together." }
)
export type QuotaSettings = typeof section.schema.Type
