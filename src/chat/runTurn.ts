/** A turn: asks the model, runs the tools that it calls, and asks again until it calls none. */
import { Effect, type Option } from "effect"
import type { ChatEventOf } from "../../layers/chat/ChatEvent.ts"
import type { ChatStore } from "../../layers/chat/ChatStore.ts"
import type { Output } from "../../layers/output/Output.ts"
import type { Models } from "../../layers/models/Models.ts"
import type { Catalog } from "../catalog/Catalog.ts"
import { askModel, type Message } from "./askModel.ts"
import { refusal } from "./ChatRefusal.ts"
import { keepResult } from "./keepResult.ts"
import { runTools, type ToolCall } from "./runTools.ts"
import { maxToolsOf, toolsOf, toolsOmitted } from "./toolList.ts"
import { askWithImages, type ImageRefusals } from "./toolImages.ts"
import { turnClient } from "./turnClient.ts"
import type { Turn } from "./Turn.ts"
import { unitsOf } from "./units.ts"
import type { makeWindow } from "./window.ts"

export interface TurnServices {
  readonly store: ChatStore["Service"]
  readonly models: Models["Service"]
  readonly catalog: Catalog["Service"]
  readonly window: ReturnType<typeof makeWindow>
  readonly imageRefusals: ImageRefusals
  /** Where whole results of tools are kept; none: nowhere. */
  readonly output: Option.Option<Output["Service"]>
}

type Completed = Omit<ChatEventOf<"turn_completed">, "conversation" | "seq" | "timestamp">

const callsOf = ({ parts }: Message): ReadonlyArray<ToolCall> =>
  parts.flatMap((part) =>
    part.type === "tool_call" ? [{ id: part.tool_call_id, name: part.name, arguments: part.arguments }] : []
  )

type Windowed = Pick<Turn, "conversation" | "options" | "requestId" | "settings">

/** Provider and model of a turn's requests. */
export const modelOf = ({ active, providers }: Models["Service"], { options }: Pick<Turn, "options">) => {
  const provider = options.provider ?? active
  return { provider, model: options.model ?? providers.find(({ name }) => name === provider)?.model ?? "" }
}

/** What of the conversation a request to the model has. */
export const windowOf = (
  { models, store, window }: Pick<TurnServices, "models" | "store" | "window">,
  { conversation, options, requestId, settings }: Windowed
) =>
  Effect.flatMap(store.read(conversation, { limit: Number.MAX_SAFE_INTEGER }), (events) =>
    window({
      conversation,
      model: modelOf(models, { options }).model,
      requestId,
      settings: settings.context,
      system: settings.system_prompt,
      units: unitsOf(events),
      maxBytes: models.maxInputBytes
    })
  )

export const runTurn = Effect.fnUntraced(function* (services: TurnServices, turn: Turn) {
  const { catalog, imageRefusals, models, output } = services
  const { conversation, options, principal, requestId, settings } = turn
  if (models.providers.length === 0) {
    return yield* refusal(
      503,
      "No language model is configured. Set a provider's key, such as OPENAI_API_KEY, or the section llm."
    )
  }
  const { omitted, tools } = yield* toolsOf(catalog, principal, settings.tools, maxToolsOf(models, options))
  if (omitted > 0) {
    const notice = { omitted, sent: tools.length }
    yield* turn.append([{ type: "tools_omitted", request_id: requestId, ...notice }])
    yield* Effect.logWarning(toolsOmitted(notice))
  }
  const { model, provider } = modelOf(models, turn)
  const callIds = new Set<string>()
  let reported = 0
  for (let hop = 0; ; hop++) {
    const { dropped, messages } = yield* windowOf(services, turn)
    if (dropped > reported) {
      yield* turn.append([{ type: "window_cut", request_id: requestId, dropped }])
      reported = dropped
    }
    const mayCall = hop < settings.max_tool_hops
    const message = yield* askWithImages(
      imageRefusals,
      JSON.stringify([provider, model]),
      messages,
      (shown) => askModel({ models, turn, hop, messages: shown, tools, mayCall, callIds })
    )
    const calls = callsOf(message)
    if (calls.length === 0 || !mayCall) {
      return {
        type: "turn_completed",
        request_id: requestId,
        stop_reason: calls.length > 0 ? "max_tool_hops" : message.stop_reason,
        ...turn.spending.turn
      } satisfies Completed
    }
    const keep = keepResult(output, principal, conversation)
    yield* runTools({ catalog, keep, turn, tools, client: (call) => turnClient(models, turn, call) }, calls)
  }
})
