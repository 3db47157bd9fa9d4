/** `Caller` of one MCP request. Ids and traces are lazy, because few calls need them. */
import type { Caller } from "../catalog/Caller.ts"
import { chainOf, type InstanceChain } from "../domain/instanceChain.ts"
import * as Trace from "../domain/Trace.ts"
import type { RequestContext } from "./RequestContext.ts"
import { validId } from "../../layers/http/requestId.ts"

type Shape = Caller["Service"]

export class RequestCaller implements Shape {
  readonly call: string
  readonly onProgress?: NonNullable<Shape["onProgress"]>
  readonly #newId: () => string
  readonly #context: RequestContext
  #requestId: string | undefined
  #trace: Trace.Trace | undefined | null = null

  readonly carry?: NonNullable<Shape["carry"]>

  /** `call`: the request, such as `tools/call echo`. */
  constructor(
    context: RequestContext,
    newId: () => string,
    call: string,
    onProgress: Shape["onProgress"] | undefined,
    carry: Shape["carry"] | undefined
  ) {
    this.call = call
    if (carry !== undefined) this.carry = carry
    if (onProgress !== undefined) this.onProgress = onProgress
    this.#newId = newId
    this.#context = context
  }

  get principal() {
    return this.#context.inbound.principal
  }

  get session() {
    return this.#context.inbound.session
  }

  get program() {
    const { program } = this.#context
    return program && { name: program.name, version: program.version }
  }

  get chain(): InstanceChain | undefined {
    return chainOf(this.#context.meta)
  }

  get meta() {
    return this.#context.meta
  }

  /** The id of the HTTP request, so that response header, log, trace and error agree; otherwise a new id. */
  get requestId(): string {
    return (this.#requestId ??= this.#context.inbound.requestId ?? this.#newId())
  }

  /** From a header; otherwise the trace id. */
  get correlationId(): string | undefined {
    const { headers } = this.#context.inbound
    return (
      validId(headers?.get("x-correlation-id")) ??
      validId(headers?.get("x-request-id")) ??
      this.trace?.traceId
    )
  }

  /** `_meta` takes precedence: headers belong to the hop, and a proxy may have written them. */
  get trace(): Trace.Trace | undefined {
    if (this.#trace === null) {
      this.#trace =
        Trace.parse(this.#context.meta?.["traceparent"]) ??
        Trace.parse(this.#context.inbound.headers?.get("traceparent"))
    }
    return this.#trace
  }
}
