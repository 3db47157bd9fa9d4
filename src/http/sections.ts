/** The configuration sections of the HTTP service and of the MCP wire, and their documented defaults. */
import { Schema } from "effect"
import { DurationSetting } from "../../layers/config/Durations.ts"
import * as Section from "../../layers/config/Section.ts"

const port = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65535 }))
const positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))

export const server = Section.make(
  "server",
  Schema.Struct({
    host: Section.optional(Schema.NonEmptyString, "127.0.0.1", "Address to listen on."),
    port: Section.optional(port, 8000, "Port to listen on; 0 takes a free one."),
    max_message_bytes: Section.optional(
      positive,
      4 * 1024 * 1024,
      "Largest HTTP body, WebSocket frame and stdio line, in bytes."
    ),
    allowed_hosts: Section.optional(
      Schema.Array(Schema.NonEmptyString),
      [],
      "Host names under which clients may reach the service."
    ),
    cors_origins: Section.optional(
      Schema.Array(Schema.NonEmptyString),
      [],
      "Web origins whose pages may call the service."
    ),
    idle_timeout: Section.optional(
      DurationSetting,
      "10 seconds",
      "How long a connection may send nothing while it owes a request."
    ),
    shutdown_timeout: Section.optional(
      DurationSetting,
      "5 seconds",
      "How long running requests may take to finish at shutdown."
    ),
    drain_delay: Section.optional(
      DurationSetting,
      "0 seconds",
      "How long a service that was told to stop still serves, with /health/ready answering 503."
    ),
    tls: Schema.optionalKey(
      Schema.Struct({
        cert_file: Schema.NonEmptyString.annotate({
          description: "PEM file with the certificate and those between it and the root."
        }),
        key_file: Schema.NonEmptyString.annotate({ description: "PEM file with its private key." })
      }).annotate({ description: "Serve HTTPS, with HTTP/2. Default: plain HTTP." })
    ),
    http3: Section.optional(
      Schema.Boolean,
      false,
      "Whether HTTP/3 is served as well, over UDP on the same port; needs tls."
    )
  }),
  {
    description: "The HTTP service.",
    // The name that the section has in configurations of WebSocket chat services.
    aliases: ["websocket"],
    env: {
      HOST: { path: ["host"], kind: "string" },
      PORT: { path: ["port"], kind: "number" }
    }
  }
)

export const mcp = Section.make(
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
