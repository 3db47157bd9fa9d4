/** A span for every call, as a child of the caller's: OpenTelemetry's semantic conventions for MCP. */
import { Clock, Context, Effect, Exit, Option, Tracer } from "effect"
import { type Call, Calls, type Outcome } from "../ledger/Calls.ts"
import { redactText } from "../logging/secretText.ts"

const methods: Record<Call["kind"], string> = {
  tool: "tools/call",
  prompt: "prompts/get",
  resource: "resources/read",
  completion: "completion/complete"
}

const nameKeys: Record<Call["kind"], string> = {
  tool: "gen_ai.tool.name",
  prompt: "gen_ai.prompt.name",
  resource: "mcp.resource.uri",
  completion: "gen_ai.prompt.name"
}

const toError = (errorClass: string, message: string) => {
  const error = new Error(message)
  error.name = errorClass
  // Where this file made it says nothing.
  error.stack = `${errorClass}: ${message}`
  return error
}

const toExit = (outcome: Outcome): Exit.Exit<void, Error> => {
  switch (outcome.status) {
    case "succeeded":
      return Exit.void
    case "interrupted":
      return Exit.interrupt()
    default:
      return Exit.fail(toError(outcome.errorClass, redactText(outcome.message)))
  }
}

/**
 * Observes calls while the scope is open. A caller's own trace decides whether the call is sampled; of the others it
 * is `ratio` (0–1), evenly spread. `admits` is asked for each span.
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

  const isSampled = ({ trace }: Call): boolean => {
    if (trace !== undefined) return trace.sampled
    due += ratio
    if (due < 1) return false
    due -= 1
    return true
  }

  yield* calls.observe({
    received: (call) => {
      if (!isSampled(call) || !admits()) return
      const { kind, name, principal, requestId, trace } = call
      const method = methods[kind]
      const span = tracer.span({
        name: kind === "resource" ? method : `${method} ${name}`,
        parent: Option.map(Option.fromUndefinedOr(trace), ({ parentId, traceId }) =>
          Tracer.externalSpan({ traceId, spanId: parentId, sampled: true })
        ),
        annotations: Context.empty(),
        links: [],
        startTime: clock.currentTimeNanosUnsafe(),
        kind: "server",
        root: trace === undefined,
        sampled: true
      })
      span.attribute("mcp.method.name", method)
      // Callers make up URIs: of any length, and with whatever stands in addresses.
      span.attribute(nameKeys[kind], kind === "resource" ? redactText(name) : name)
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
      if ("errorClass" in outcome) span.attribute("error.type", outcome.errorClass)
      if (outcome.status === "succeeded" && outcome.cached) span.attribute("manifold.cached", true)
      span.end(clock.currentTimeNanosUnsafe(), toExit(outcome))
    }
  })
})
