/** Responses of server-sent events that follow a conversation, bounded for slow readers. */
import { Cause, Clock, Effect, Exit, Fiber, Stream } from "effect"
import type { ChatEvent } from "../../layers/chat/ChatEvent.ts"
import { tooManyOpen } from "../../layers/http/responses.ts"
import type { Connection } from "../../layers/http/Routes.ts"
import type { Grant } from "../../layers/identity/Grant.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { Hold } from "../../layers/quotas/Quota.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { Backlog } from "../../layers/transports/Backlog.ts"
import { EventStream, sseHeaders } from "../../layers/transports/EventStream.ts"
import type { StreamLimits } from "../../layers/transports/StreamLimits.ts"
import type { ChatRefusal } from "./ChatRefusal.ts"
import { monotonicMillis } from "../../layers/platform/monotonic.ts"

/** Writes events in the form of one protocol. */
export interface EventWriter {
  readonly headers?: Readonly<Record<string, string>>
  /** False: the response ends after this event. */
  readonly write: (event: ChatEvent, stream: EventStream) => boolean
  /** The conversation could not be read further. */
  readonly failed: (error: ChatRefusal, stream: EventStream) => void
  /** The response ends. */
  readonly end?: (stream: EventStream) => void
}

export interface EventRequest {
  readonly grant: Grant
  readonly connection: Connection
  readonly events: Stream.Stream<ChatEvent, ChatRefusal>
  readonly writer: EventWriter
}

/** Unread bytes beyond which nothing more is read from a conversation. */
const mostUnread = 256 * 1024
/** Proxies close connections that are silent for 30 to 60 seconds; a turn may wait longer for a person. */
const heartbeat = "15 seconds"

/** Open responses end with `endAll`. */
export const makeEventResponses = Effect.fnUntraced(function* (
  limits: Pick<StreamLimits, "max" | "mostWaiting" | "unreadTimeout">
) {
  const authenticator = yield* Authenticator
  const quotas = yield* Quotas
  const clock = yield* Clock.Clock
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const open = new Set<() => void>()
  const highWater = Math.min(mostUnread, limits.mostWaiting / 2)
  const options = { ...limits, now: () => monotonicMillis(clock) }

  const respond = ({ connection, events, grant, writer }: EventRequest): Response => {
    const { key } = grant.principal
    const held = new Hold(quotas.streams, key)
    if (open.size >= limits.max || !held.set(1)) return tooManyOpen("streams")
    connection.keepOpen()
    const backlog = new Backlog(options, new Hold(quotas.memory, key), connection.cut)
    const stream = new EventStream(backlog, () => leave())
    // Sends the head of the response before the first event.
    stream.comment("open")
    const end = () => {
      writer.end?.(stream)
      stream.close()
      leave()
    }
    /** Waits until the client has read; the connection of one that does not is cut. */
    const caughtUp = Effect.repeat(stream.nextRead, {
      until: () => stream.waiting <= highWater / 2 || !stream.open
    }).pipe(
      Effect.timeoutOrElse({
        duration: limits.unreadTimeout,
        orElse: () => Effect.sync(() => backlog.cut())
      })
    )
    const sent = Stream.runForEachWhile(events, (event) =>
      Effect.suspend(() => {
        const goesOn = writer.write(event, stream)
        return goesOn && stream.waiting > highWater && stream.open
          ? Effect.as(caughtUp, stream.open)
          : Effect.succeed(goesOn)
      })
    )
    const keepAlive = Effect.sync(() => {
      if (stream.waiting === 0) stream.comment("keepalive")
    }).pipe(Effect.delay(heartbeat), Effect.forever)
    const fiber = run(
      Effect.raceFirst(sent, keepAlive).pipe(
        Effect.catch((error) => Effect.sync(() => writer.failed(error, stream))),
        Effect.onExit((exit) => {
          if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
            return Effect.logError("A stream of a conversation failed.", exit.cause)
          }
          return Effect.void
        }),
        Effect.ensuring(Effect.sync(end))
      )
    )
    const unfollow = authenticator.follow(grant, { ended: end })
    const leave = () => {
      if (!open.delete(end)) return
      held.end()
      unfollow()
      run(Fiber.interrupt(fiber))
    }
    open.add(end)
    return new Response(stream.body, { headers: { ...sseHeaders, ...writer.headers } })
  }

  return {
    respond,
    endAll: Effect.sync(() => {
      for (const end of open) end()
    })
  }
})

export type EventResponses = Effect.Success<ReturnType<typeof makeEventResponses>>
