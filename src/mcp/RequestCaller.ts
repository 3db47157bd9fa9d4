/** The caller of one MCP request. What it says of itself is read when somebody asks, since few calls are asked about. */
import type { ServerContext } from "@modelcontextprotocol/server"
import type { Caller } from "../catalog/Caller.ts"
import type { Principal } from "../domain/Principal.ts"
import * as Trace from "../domain/Trace.ts"

/** An id as programs make them; anything else counts as absent, because it ends up in logs and in answers. */
const idForm = /^[\w.:-]{1,128}$/
const idHeaders = ["x-correlation-id", "x-request-id"] as const

type Shape = Caller["Service"]

interface Asked {
  readonly principal: Principal
  readonly newId: () => string
  /** What is asked for, such as `tools/call echo`. */
  readonly call: string
  readonly program: { readonly name: string; readonly version: string } | undefined
  readonly context: ServerContext
  readonly onProgress: Shape["onProgress"] | undefined
}

export class RequestCaller implements Shape {
  readonly principal: Principal
  readonly call: string
  readonly program?: { readonly name: string; readonly version: string }
  readonly onProgress?: NonNullable<Shape["onProgress"]>
  readonly #newId: () => string
  readonly #context: ServerContext
  #requestId: string | undefined
  #trace: Trace.Trace | undefined | null = null

  constructor({ call, context, newId, onProgress, principal, program }: Asked) {
    this.principal = principal
    this.call = call
    if (program !== undefined) this.program = { name: program.name, version: program.version }
    if (onProgress !== undefined) this.onProgress = onProgress
    this.#newId = newId
    this.#context = context
  }

  get requestId(): string {
    return (this.#requestId ??= this.#newId())
  }

  /** From a header, else that of the trace. */
  get correlationId(): string | undefined {
    const headers = this.#context.http?.req?.headers
    for (const name of idHeaders) {
      const id = headers?.get(name)
      if (id != null && idForm.test(id)) return id
    }
    return this.trace?.traceId
  }

  /** `_meta` belongs to the message, and headers to the hop that carried it, which a proxy may have written. */
  get trace(): Trace.Trace | undefined {
    if (this.#trace === null) {
      this.#trace =
        Trace.parse(this.#context.mcpReq._meta?.["traceparent"]) ??
        Trace.parse(this.#context.http?.req?.headers.get("traceparent"))
    }
    return this.#trace
  }
}
