/** MCP over standard input and output, all eras: one JSON-RPC message per line, until the input ends. */
import { serializeMessage, type JSONRPCMessage, type Transport } from "@modelcontextprotocol/server"
import { serveStdio } from "@modelcontextprotocol/server/stdio"
import { Effect, Stream } from "effect"
import { stdioUser } from "../../src/domain/Principal.ts"
import { StdioPipe } from "../platform/StdioPipe.ts"
import { Lines } from "./Lines.ts"
import { McpServers } from "./McpServers.ts"
import { errorMessage, fromBytes, invalidRequest, Unreadable } from "./messages.ts"

/** The SDK's `Transport` over a pipe. Bad lines are answered and the next one is read. */
class PipeTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: NonNullable<Transport["onmessage"]>
  readonly #lines: Lines
  readonly #write: (chunk: string) => Promise<void>
  #closed = false

  constructor(write: (chunk: string) => Promise<void>, maxMessageBytes: number) {
    this.#write = write
    this.#lines = new Lines(
      maxMessageBytes,
      (line) => this.#read(line),
      () => this.#refuse(invalidRequest, `Invalid Request: a message has at most ${maxMessageBytes} bytes`)
    )
  }

  async start() {}

  send(message: JSONRPCMessage) {
    return this.#closed
      ? Promise.reject(new Error("The output is closed."))
      : this.#write(serializeMessage(message))
  }

  async close() {
    if (this.#closed) return
    this.#closed = true
    this.onclose?.()
  }

  push(chunk: Uint8Array) {
    if (!this.#closed) this.#lines.push(chunk)
  }

  #read(line: Uint8Array) {
    const parsed = fromBytes(line)
    if (parsed instanceof Unreadable) {
      this.#refuse(parsed.code, parsed.message)
      return
    }
    for (const message of parsed.messages) this.onmessage?.(message)
  }

  #refuse(code: number, reason: string) {
    // A client that closed its end does not read this any more.
    this.#write(`${JSON.stringify(errorMessage(code, reason))}\n`).catch((error) => this.onerror?.(error))
  }
}

/** Serves one client and returns when its input ends; what still runs then is interrupted. */
export const serve = Effect.fn("Stdio.serve")(function* (options: { readonly maxMessageBytes: number }) {
  const pipe = yield* StdioPipe
  const servers = yield* McpServers
  const log = Effect.runForkWith(yield* Effect.context<never>())
  const transport = new PipeTransport(pipe.write, options.maxMessageBytes)
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      serveStdio(() => servers.forConnection(stdioUser), {
        transport,
        onerror: (error) => log(Effect.logDebug("stdio", error.message))
      })
    ),
    (handle) => Effect.promise(() => handle.close())
  )
  yield* Stream.runForEach(pipe.input, (chunk) => Effect.sync(() => transport.push(chunk)))
}, Effect.scoped)
