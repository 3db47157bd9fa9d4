/** Sections of upcoming features: validated, and reported as having no effect. */
import { Effect, Schema } from "effect"
import { ConfigSource, type Found } from "../../layers/config/ConfigSource.ts"
import { legacyFileWarning } from "../../layers/config/legacyFileWarning.ts"
import * as Section from "../../layers/config/Section.ts"

const count = (minimum: number, description: string) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum: 2 ** 31 - 1 })).annotate({ description })
export const chat = Section.deferred(
  "chat",
  () =>
    Schema.Struct({
      service: Schema.Struct({
        streaming: Schema.Struct({
          enabled: Schema.Boolean.annotate({
            description: "Whether responses are streamed by default."
          })
        }),
        context: Schema.Struct({
          max_tokens: count(1, "Tokens of one request to a model, history included."),
          reserve_tokens: count(0, "Of those, tokens kept free for the answer."),
          preserve_recent: count(0, "Latest messages that are never dropped.")
        }).check(
          Schema.makeFilter(
            ({ max_tokens, reserve_tokens }) =>
              reserve_tokens < max_tokens || {
                path: ["reserve_tokens"],
                issue: "must be less than max_tokens"
              }
          )
        ),
        max_tool_hops: count(0, "Rounds of tool calls in one turn.")
      })
    }),
  {
    description:
      "Conversations with language models. Without defaults: a configured chat is configured in full."
  }
)

/** A section, or one key of it. What begins to be used leaves this list. */
const unused: ReadonlyArray<readonly [section: string, key?: string]> = [["chat"]]

/** A sentence for each thing that is configured and without effect. */
export const notices = (found: Found): ReadonlyArray<string> =>
  unused.flatMap(([name, key]) => {
    const mentioned = found.sections.find((section) => section.name === name)
    if (mentioned === undefined || (key !== undefined && !mentioned.keys.includes(key))) return []
    return [`${key === undefined ? name : `${name}.${key}`}: read and checked; not used by this version yet`]
  })

/** Logs those sentences, and that a file of the working folder is not read. */
export const announce = Effect.gen(function* () {
  const found = yield* (yield* ConfigSource).found
  for (const notice of notices(found)) yield* Effect.logInfo(notice)
  const unread = yield* legacyFileWarning(found)
  if (unread !== undefined) yield* Effect.logWarning(unread)
})
