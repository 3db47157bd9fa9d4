/** The section `mcp`: page size, sessions, and connections to upstream servers. */
import { Schema } from "effect"
import { DurationSetting } from "../../layers/config/DurationSetting.ts"
import * as Section from "../../layers/config/Section.ts"

const positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))

export const section = Section.make(
  "mcp",
  Schema.Struct({
    page_size: Section.optional(positive, 100, "Maximum number of entries per page of a list."),
    page_bytes: Section.optional(
      positive,
      1024 * 1024,
      "Approximate maximum size of a page of a list, in bytes."
    ),
    max_result_bytes: Section.optional(
      positive,
      8 * 1024 * 1024,
      "Approximate maximum size of a result of a tool, prompt or resource, in bytes; a larger one is an error."
    ),
    sessions: Section.optional(
      Schema.Struct({
        max: Section.optional(positive, 10_000, "Maximum number of open sessions."),
        idle_timeout: Section.optional(
          DurationSetting,
          "30 minutes",
          "Close a session that is unused for this long."
        ),
        resume_window: Section.optional(
          DurationSetting,
          "60 seconds",
          "How long a call continues after its client has disconnected, so that the client can resume the stream."
        ),
        replay_events: Section.optional(
          positive,
          256,
          "Maximum number of events that a session retains for clients that resume a stream."
        ),
        replay_size: Section.optional(
          positive,
          1024 * 1024,
          "Maximum total size of these events, in characters."
        ),
        max_waiting_bytes: Section.optional(
          positive,
          8 * 1024 * 1024,
          "Maximum bytes buffered for a slow reader; beyond it the stream or socket is closed."
        ),
        unread_timeout: Section.optional(
          DurationSetting,
          "30 seconds",
          "Close the stream or socket of a reader that takes none of its buffered bytes for this long."
        )
      }),
      {},
      "Sessions of MCP up to 2025-11-25."
    ),
    suspended_calls: Section.optional(
      Schema.Struct({
        max: Section.optional(
          positive,
          1000,
          "Maximum number of calls that wait for input from their client."
        ),
        max_per_principal: Section.optional(positive, 16, "Maximum number of these calls per principal."),
        timeout: Section.optional(
          DurationSetting,
          "10 minutes",
          "How long a call waits for its client before it is interrupted."
        )
      }),
      {},
      "Calls of MCP 2026-07-28 that wait for input from their client."
    ),
    connection: Section.optional(
      Schema.Struct({
        max_reconnect_attempts: Section.optional(
          Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 })),
          5,
          "Maximum number of reconnect attempts after a lost connection."
        ),
        connection_timeout: Section.optional(
          DurationSetting,
          "30 seconds",
          "Time limit for connecting and initializing."
        ),
        initial_reconnect_delay: Section.optional(
          DurationSetting,
          "1 second",
          "Delay before the first reconnect attempt; doubles with each attempt."
        ),
        ping_after: Section.optional(
          DurationSetting,
          "30 seconds",
          "Ping a server that has sent nothing for this long, after a request to it timed out or was cancelled. If it sends nothing for as long again, it is connected or started again."
        ),
        idle_timeout: Section.optional(
          DurationSetting,
          "30 minutes",
          "Close a connection made over REST that is unused for this long."
        ),
        sign_in_timeout: Section.optional(
          DurationSetting,
          "10 minutes",
          "How long a sign-in at an upstream server waits for the user."
        ),
        allow_stdio_commands: Section.optional(
          Schema.Boolean,
          false,
          "Let callers with the scope admin start servers that are not configured."
        )
      }),
      {},
      "Connections to upstream MCP servers."
    )
  }),
  { description: "MCP: page size, sessions, and connections to upstream servers." }
)
