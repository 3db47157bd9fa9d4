/** MCP over standard input and output, all eras: one JSON-RPC message per line, until the input ends. */
import { Duration, Effect, Stream } from "effect"
import { invalidRequest } from "../../src/domain/errorCodes.ts"
import { stdioUser } from "../../src/domain/Principal.ts"
import { StdioPipe } from "../platform/StdioPipe.ts"
import { Lines } from "./Lines.ts"
import { McpServers } from "./McpServers.ts"
import type { JsonBounds } from "./jsonBounds.ts"
import { errorMessage, fromBytes, Unreadable } from "./messages.ts"
import { Wire } from "./Wire.ts"

/** How long what was asked last may take to be answered when nobody will ask more. */
const lastAnswers = Duration.millis(50)

export interface StdioOptions {
  readonly maxMessageBytes: number
  /** Of one message; default `defaultBounds`. */
  readonly bounds?: JsonBounds
  /** Done when requests can be answered, if that is not from the first one on. */
  readonly prepared?: Effect.Effect<unknown>
}

/** Serves one client and returns when its input ends; what still runs then is interrupted. */
export const serve = Effect.fnUntraced(function* (options: StdioOptions) {
  const pipe = yield* StdioPipe
  const servers = yield* McpServers
  const log = Effect.runForkWith(yield* Effect.context<never>())
  const onerror = (error: Error) => void log(Effect.logDebug("stdio", error.message))
  const wire = yield* Effect.acquireRelease(
    Effect.sync(
      () => new Wire({ write: (message) => pipe.write(`${message}\n`), close: () => {} }, servers, onerror)
    ),
    (made) => Effect.promise(() => made.end())
  )
  const inbound = { principal: stdioUser }
  // Bad lines are answered and the next one is read.
  const refuse = ({ code, message }: Unreadable) => {
    // A client that closed its end does not read this any more.
    pipe.write(`${JSON.stringify(errorMessage(code, message))}\n`).catch(onerror)
  }
  const lines = new Lines(
    options.maxMessageBytes,
    (line) => {
      const parsed = fromBytes(line, options.bounds)
      const wrong = parsed instanceof Unreadable ? parsed : wire.receive(parsed, inbound)
      if (wrong !== undefined) refuse(wrong)
    },
    () => {
      const limit = `Invalid Request: a message has at most ${options.maxMessageBytes} bytes`
      refuse(new Unreadable(invalidRequest, limit))
    }
  )
  yield* Stream.runForEach(pipe.input, (chunk) => Effect.sync(() => lines.push(chunk)))
  // Whoever pipes requests in and closes at once still gets the answers that are ready.
  yield* Effect.raceFirst(
    Effect.promise(() => wire.finish()),
    Effect.andThen(options.prepared ?? Effect.void, Effect.sleep(lastAnswers))
  )
}, Effect.scoped)
