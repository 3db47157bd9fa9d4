/** MCP over stdio, all protocol eras: one JSON-RPC message per line, until the input ends. */
import { Deferred, Duration, Effect, Exit, Stream } from "effect"
import { invalidRequest } from "../../src/domain/errorCodes.ts"
import { stdioUser } from "../../src/domain/Principal.ts"
import { StdioPipe } from "../platform/StdioPipe.ts"
import { LineReader } from "./LineReader.ts"
import { McpServers } from "./McpServers.ts"
import type { JsonBounds } from "./jsonBounds.ts"
import { fromBytes, MessageRejection } from "./jsonRpc.ts"
import { Wire } from "./Wire.ts"

/** How long the last requests may take after the end of the input. */
const lastResponses = Duration.millis(50)

export interface StdioOptions {
  readonly maxMessageBytes: number
  /** Of one message; default `defaultBounds`. */
  readonly bounds?: JsonBounds
  /** Completes when requests can be served; default: at once. */
  readonly prepared?: Effect.Effect<unknown>
}

/** Serves one client until its input ends or its output has no reader; running requests are then interrupted. */
export const serve = Effect.fnUntraced(function* (options: StdioOptions) {
  const pipe = yield* StdioPipe
  const servers = yield* McpServers
  const log = Effect.runForkWith(yield* Effect.context<never>())
  const onerror = (error: Error) => void log(Effect.logDebug("stdio", error.message))
  const readerGone = yield* Deferred.make<void>()
  const write = (message: string) =>
    pipe.write(`${message}\n`).catch((cause: unknown) => {
      // Otherwise an orphaned process whose input stays open would run forever.
      Deferred.doneUnsafe(readerGone, Exit.void)
      throw cause
    })
  const wire = yield* Effect.acquireRelease(
    Effect.sync(() => new Wire({ write, close: () => {} }, servers, onerror)),
    (made) => Effect.promise(() => made.end())
  )
  const inbound = { principal: stdioUser }
  const lines = new LineReader(
    options.maxMessageBytes,
    (line) => {
      const parsed = fromBytes(line, options.bounds)
      const wrong = parsed instanceof MessageRejection ? parsed : wire.receive(parsed, inbound)
      // A rejected line does not end the connection.
      if (wrong !== undefined) wire.reject(wrong)
    },
    () => {
      const limit = `Invalid Request: the message is larger than ${options.maxMessageBytes} bytes`
      wire.reject(new MessageRejection(invalidRequest, limit))
    }
  )
  const served = Effect.gen(function* () {
    yield* Stream.runForEach(pipe.input, (chunk) => Effect.sync(() => lines.push(chunk)))
    lines.end()
    // Clients that send requests and close their end at once still get responses.
    yield* Effect.raceFirst(
      Effect.promise(() => wire.finish()),
      Effect.andThen(options.prepared ?? Effect.void, Effect.sleep(lastResponses))
    )
  })
  yield* Effect.raceFirst(served, Deferred.await(readerGone))
}, Effect.scoped)
