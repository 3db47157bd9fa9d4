/** The section `mcp`: page size, sessions, and connections to upstream servers. */
import { Schema } from "effect"
import { DurationSetting } from "../../layers/config/DurationSetting.ts"
import * as Section from "../../layers/config/Section.ts"

const positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))

export const section = Section.make(
  "mcp",
  Schema.Struct({
    page_size: Section.optional(positive, 100, "Entries per page of a list."),
    page_bytes: Section.optional(positive, 1024 * 1024, "Size of a page of a list at most, in bytes, about."),
    max_result_bytes: Section.optional(
      positive,
      8 * 1024 * 1024,
      "Largest result of a tool, prompt or resource, in bytes, about; a larger one is an error."
    ),
    sessions: Section.optional(
      Schema.Struct({
        max: Section.optional(positive, 10_000, "Maximum number of open sessions."),
        idle_timeout: Section.optional(
          DurationSetting,
          "30 minutes",
          "A session that is unused for this long is closed."
        ),
        resume_window: Section.optional(
          DurationSetting,
          "60 seconds",
          "How long a call continues after its client has disconnected, so that the client can resume the stream."
        ),
        replay_events: Section.optional(
          positive,
          256,
          "Events that a session keeps for a client that resumes a stream."
        ),
        replay_size: Section.optional(positive, 1024 * 1024, "Total size of those events, in characters."),
        max_waiting_bytes: Section.optional(
          positive,
          8 * 1024 * 1024,
          "Bytes that may be buffered for a slow reader; beyond it the stream or socket is closed."
        ),
        unread_timeout: Section.optional(
          DurationSetting,
          "30 seconds",
          "How long they may be buffered while the reader takes none; then the stream or socket is closed."
        )
      }),
      {},
      "Sessions of MCP up to 2025-11-25."
    ),
    suspended_calls: Section.optional(
      Schema.Struct({
        max: Section.optional(positive, 1000, "Most calls that may wait for their client's answer at once."),
        max_per_principal: Section.optional(positive, 16, "Most of these for one principal."),
        timeout: Section.optional(
          DurationSetting,
          "10 minutes",
          "How long a call waits for its client's answer before it is interrupted."
        )
      }),
      {},
      "Calls of MCP 2026-07-28 that asked their client for input."
    ),
    connection: Section.optional(
      Schema.Struct({
        max_reconnect_attempts: Section.optional(
          Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 })),
          5,
          "Reconnect attempts after a lost connection before it counts as failed."
        ),
        connection_timeout: Section.optional(
          DurationSetting,
          "30 seconds",
          "How long connecting and initializing may take."
        ),
        initial_reconnect_delay: Section.optional(
          DurationSetting,
          "1 second",
          "Delay before the first reconnect attempt; it doubles with every attempt."
        ),
        allow_stdio_commands: Section.optional(
          Schema.Boolean,
          false,
          "Whether callers with the admin scope may start servers that are not listed here."
        )
      }),
      {},
      "Connections to upstream MCP servers."
    )
  }),
  { description: "MCP: page size, sessions, and connections to upstream servers." }
)
