/** The section `chat`: conversations with language models, and where they are stored. */
import { Duration, Effect, Option, Schema } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { DurationSetting } from "../config/DurationSetting.ts"
import * as Section from "../config/Section.ts"

const count = (minimum: number, description: string) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum: 2 ** 31 - 1 })).annotate({ description })

const bound = (usual: number, description: string) =>
  Section.optional(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 })),
    usual,
    description
  )

const bytes = (usual: number, description: string) =>
  Section.optional(
    Schema.Int.check(Schema.isBetween({ minimum: 64 * 2 ** 10, maximum: 2 ** 43 })),
    usual,
    description
  )

const time = (usual: string, description: string) =>
  Section.optional(
    DurationSetting.check(
      Schema.makeFilter((duration) => Duration.toSeconds(duration) >= 1 || "must be at least 1 second")
    ),
    usual,
    description
  )

const context = () =>
  Schema.Struct({
    max_tokens: count(
      1,
      "Tokens of the messages of one request to a model, and of its answer. Definitions of tools are not counted."
    ),
    reserve_tokens: count(0, "Of those, tokens kept free for the answer."),
    preserve_recent: count(0, "Latest messages that are never dropped.")
  }).check(
    Schema.makeFilter(
      ({ max_tokens, reserve_tokens }) =>
        reserve_tokens < max_tokens || { path: ["reserve_tokens"], issue: "must be less than max_tokens" }
    )
  )

const service = () =>
  Schema.Struct({
    streaming: Schema.Struct({
      enabled: Schema.Boolean.annotate({ description: "Whether responses are streamed by default." })
    }),
    context: context(),
    max_tool_hops: count(0, "Rounds of tool calls in one turn."),
    system_prompt: Schema.optionalKey(
      Schema.NonEmptyString.annotate({ description: "Instructions for the model. Default: none." })
    ),
    tools: Schema.optionalKey(
      Schema.Array(Schema.NonEmptyString).annotate({
        description:
          "Names of the tools that the model may use; `*` matches any characters. Default: all tools of the caller that do not administer."
      })
    ),
    approval: Section.optional(
      Schema.Literals(["destructive", "never"]),
      "destructive",
      "Which tools need the approval of the user before each call: those that may destroy something, or none."
    ),
    input_timeout: time("5 minutes", "How long a turn waits for an approval or an input of the user."),
    turn_timeout: time("1 hour", "Time limit of one turn."),
    max_result_bytes: bound(
      32_768,
      "Longest result of a tool in a conversation, in bytes, without images. The rest of a longer one is a file."
    ),
    max_image_bytes: bound(
      2 ** 20,
      "Images in the result of a tool that the model gets, in bytes of base64. Further ones are a file."
    )
  })

const schema = () =>
  Schema.Struct({
    service: service(),
    max_conversations: Section.optional(
      Schema.Struct({
        principal: bound(1000, "Conversations of one principal."),
        total: bound(100_000, "Conversations of all principals.")
      }),
      {},
      "Stored conversations. The oldest ones make room for a new one."
    ),
    max_bytes: Section.optional(
      Schema.Struct({
        principal: bytes(64 * 2 ** 20, "Bytes of all conversations of one principal."),
        total: bytes(2 ** 30, "Bytes of all conversations.")
      }),
      {},
      "Size of stored conversations. The oldest ones make room for a new message."
    ),
    store: Schema.optionalKey(
      Schema.Literals(["jsonl", "sql", "memory"]).annotate({
        description:
          "Where conversations are stored: in `events.jsonl` in the state folder, in the database, or in memory. Default: `sql` with `storage.postgres_url`, otherwise `jsonl`."
      })
    ),
    fsync: Section.optional(
      Schema.Literals(["turn", "always", "never"]),
      "turn",
      "When `events.jsonl` is flushed to the disk: at the beginning and end of each turn, after each event, or when the system does so. Without a flush, a power failure loses the latest events; a crash of the program does not."
    ),
    segment_bytes: Section.optional(
      Schema.Int.check(Schema.isBetween({ minimum: 64 * 2 ** 10, maximum: 2 ** 30 })),
      16 * 2 ** 20,
      "Size of `events.jsonl` in bytes at which it is sealed as a segment, `events-000001.jsonl` and so on."
    ),
    retention: time("400 days", "How long a conversation is kept after its last event."),
    max_turns: Section.optional(
      Schema.Struct({
        principal: bound(16, "Turns of one principal."),
        total: bound(2000, "Turns of all principals.")
      }),
      {},
      "Turns that run at the same time."
    )
  })

export type ChatSettings = ReturnType<typeof schema>["Type"]

/** Settings without the section, in encoded form; all other keys have defaults. */
const usual = {
  service: {
    streaming: { enabled: true },
    context: { max_tokens: 100_000, reserve_tokens: 8192, preserve_recent: 6 },
    max_tool_hops: 16
  }
}

export const section = Section.deferred("chat", schema, {
  description: "Conversations with language models."
})

/** The settings of the section, or those without it. */
export const chatSettings = Effect.gen(function* () {
  const found = yield* (yield* ConfigSource).readOption(section)
  return Option.getOrElse(found, (): ChatSettings => Schema.decodeSync(schema())(usual))
})
