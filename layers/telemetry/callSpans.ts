/** Spans of calls, by OpenTelemetry's semantic conventions for MCP and GenAI. */
import { BigDecimal, Clock, Context, Effect, Exit, Option, Tracer } from "effect"
import { type Call, Calls, type Outcome } from "../ledger/Calls.ts"
import { redactText } from "../logging/redactText.ts"
import { operations, spentAttributes } from "./genAi.ts"

const mcp = (operation: string, key: string) =>
  ({ operation, key, spanKind: "server", attribute: "mcp.method.name" }) as const

/** Span and attribute names per kind. Span names do not contain resource URIs, to limit cardinality. */
const kinds: Record<
  Call["kind"],
  {
    readonly operation: string
    readonly key: string
    readonly spanKind: Tracer.SpanKind
    readonly attribute: "mcp.method.name" | "gen_ai.operation.name"
  }
> = {
  tool: mcp("tools/call", "gen_ai.tool.name"),
  prompt: mcp("prompts/get", "gen_ai.prompt.name"),
  resource: mcp("resources/read", "mcp.resource.uri"),
  completion: mcp("completion/complete", "gen_ai.prompt.name"),
  model: { ...operations.model, attribute: "gen_ai.operation.name" },
  turn: { ...operations.turn, attribute: "gen_ai.operation.name" }
}

const toError = (errorClass: string, message: string) => {
  const error = new Error(message)
  error.name = errorClass
  // The stack of this file is meaningless.
  error.stack = `${errorClass}: ${message}`
  return error
}

const toExit = (outcome: Outcome): Exit.Exit<void, Error> => {
  switch (outcome.status) {
    case "succeeded":
    case "suspended":
      return Exit.void
    case "interrupted":
      return Exit.interrupt()
    default:
      return Exit.fail(toError(outcome.errorClass, redactText(outcome.message)))
  }
}

/**
 * Observes calls while the scope is open. A nested call is sampled if its parent is; a call with a trace context by its
 * sampled flag; others with `ratio` (0–1), evenly distributed. `admits` is called for each span.
 */
export const observe = Effect.fnUntraced(function* (
  tracer: Tracer.Tracer,
  ratio: number,
  admits: () => boolean
) {
  const calls = yield* Calls
  const clock = yield* Clock.Clock
  const spans = new WeakMap<Call, Tracer.Span>()
  let due = 0

  const isSampled = ({ parent, trace }: Call): boolean => {
    if (parent !== undefined) return spans.has(parent)
    if (trace !== undefined) return trace.sampled
    due += ratio
    if (due < 1) return false
    due -= 1
    return true
  }

  yield* calls.observe({
    received: (call) => {
      if (!isSampled(call) || !admits()) return
      const { conversation, kind, name, parent, principal, requestId, session, trace } = call
      const { attribute, key, operation, spanKind } = kinds[kind]
      const within = parent && spans.get(parent)
      const remote = Option.map(Option.fromUndefinedOr(trace), ({ parentId, traceId }) =>
        Tracer.externalSpan({ traceId, spanId: parentId, sampled: true })
      )
      const span = tracer.span({
        name: kind === "resource" ? operation : `${operation} ${name}`,
        parent: within === undefined ? remote : Option.some(within),
        annotations: Context.empty(),
        links: [],
        startTime: clock.currentTimeNanosUnsafe(),
        // A nested call is not a request to this server.
        kind: within !== undefined && spanKind === "server" ? "internal" : spanKind,
        root: within === undefined && trace === undefined,
        sampled: true
      })
      span.attribute(attribute, operation)
      // URIs come from callers: they may be long or contain secrets.
      span.attribute(key, kind === "resource" ? redactText(name) : name)
      if (session !== undefined) span.attribute("mcp.session.id", session)
      if (conversation !== undefined) span.attribute("gen_ai.conversation.id", conversation)
      span.attribute("manifold.request_id", requestId)
      span.attribute("enduser.id", principal.subject)
      spans.set(call, span)
    },
    retried: (call, attempt, errorClass) => {
      const attributes = { attempt, "error.type": errorClass }
      spans.get(call)?.event("retry", clock.currentTimeNanosUnsafe(), attributes)
    },
    finished: (call, outcome) => {
      const span = spans.get(call)
      if (span === undefined) return
      span.attribute("manifold.status", outcome.status)
      if (outcome.spent !== undefined) {
        for (const [name, value] of spentAttributes(outcome.spent)) span.attribute(name, value)
        span.attribute("manifold.spent_usd", BigDecimal.format(outcome.spent.usd))
      }
      if ("errorClass" in outcome) span.attribute("error.type", outcome.errorClass)
      if (outcome.status === "succeeded" && outcome.cached) span.attribute("manifold.cached", true)
      span.end(clock.currentTimeNanosUnsafe(), toExit(outcome))
    }
  })
})
