/** The section `mcp`: page size, sessions, and connections to upstream servers. */
import { Schema } from "effect"
import { DurationSetting } from "../../layers/config/Durations.ts"
import * as Section from "../../layers/config/Section.ts"

const positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))

export const section = Section.make(
  "mcp",
  Schema.Struct({
    page_size: Section.optional(positive, 100, "Entries in one page of a list."),
    sessions: Section.optional(
      Schema.Struct({
        max: Section.optional(positive, 10_000, "Most sessions at once."),
        idle_timeout: Section.optional(
          DurationSetting,
          "30 minutes",
          "A session unused for this long is gone."
        ),
        resume_window: Section.optional(
          DurationSetting,
          "60 seconds",
          "How long a call runs on after its client was lost."
        ),
        replay_events: Section.optional(
          positive,
          256,
          "Events that a session keeps for a client that comes back."
        ),
        replay_size: Section.optional(
          positive,
          1024 * 1024,
          "Characters that those events may have together."
        ),
        max_waiting_bytes: Section.optional(
          positive,
          8 * 1024 * 1024,
          "Bytes that may wait for a slow reader."
        )
      }),
      {},
      "Sessions of MCP up to 2025-11-25."
    ),
    connection: Section.optional(
      Schema.Struct({
        max_reconnect_attempts: Section.optional(
          Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 })),
          5,
          "How often a lost connection is tried again before it is given up."
        ),
        connection_timeout: Section.optional(
          DurationSetting,
          "30 seconds",
          "How long connecting and initializing may take."
        ),
        initial_reconnect_delay: Section.optional(
          DurationSetting,
          "1 second",
          "The wait before the first new try; it doubles from try to try."
        ),
        allow_stdio_commands: Section.optional(
          Schema.Boolean,
          false,
          "Whether callers with the admin scope may start servers that are not listed here."
        )
      }),
      {},
      "Connections to other MCP servers."
    )
  }),
  { description: "The protocol: pages, sessions, and connections to other servers." }
)
