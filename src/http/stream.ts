/** `/stream`: the channels of `/mcp/sse` as NDJSON, flushed per line, compressed according to Accept-Encoding. */
import { Clock, Effect, Layer } from "effect"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import * as Compression from "../../layers/http/compression.ts"
import { reject, tooManyOpen } from "../../layers/http/responses.ts"
import { Routes, type Connection } from "../../layers/http/Routes.ts"
import type { Grant } from "../../layers/identity/Grant.ts"
import { Channels, channels as allChannels, isChannel } from "../../layers/events/Channels.ts"
import { Hold } from "../../layers/quotas/Quota.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { Backlog } from "../../layers/transports/Backlog.ts"
import { authenticateStream } from "../../layers/transports/authenticateRequest.ts"
import { EventStream } from "../../layers/transports/EventStream.ts"
import type { StreamLimits } from "../../layers/transports/StreamLimits.ts"
import { requireReader } from "./requireReader.ts"
import { monotonicMillis } from "../../layers/platform/monotonic.ts"

const headers = { "content-type": "application/x-ndjson", "x-accel-buffering": "no" }

/** Channels of the query parameter `channels`, repeated or comma-separated; all by default, `undefined` if one is unknown. */
const wantedOf = (request: Request) => {
  const given = new URL(request.url).searchParams.getAll("channels")
  const names = given.flatMap((value) => value.split(",")).filter((name) => name !== "")
  if (names.length === 0) return allChannels
  return names.every(isChannel) ? [...new Set(names)] : undefined
}

/** The first line is `ready`; the last line, when the service stops or the credential ends, is `end`. */
export const layer = (limits: Pick<StreamLimits, "max" | "mostWaiting" | "unreadTimeout">) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const routes = yield* Routes
      const authenticator = yield* Authenticator
      const channels = yield* Channels
      const quotas = yield* Quotas
      const clock = yield* Clock.Clock
      const backlogOptions = { ...limits, now: () => monotonicMillis(clock) }
      const ends = new Set<() => void>()

      const open = (grant: Grant, request: Request, connection: Connection) => {
        const wanted = wantedOf(request)
        if (wanted === undefined) {
          return reject(400, `Bad Request: channels must be a list of ${allChannels.join(", ")}.`)
        }
        // A HEAD response has no body, so its stream would never be read or ended.
        if (request.method === "HEAD") return new Response(null, { headers })
        if (ends.size >= limits.max) return tooManyOpen("streams")
        const { key } = grant.principal
        const held = new Hold(quotas.streams, key)
        const compressor = new Hold(quotas.memory, key)
        if (!held.set(1) || !compressor.set(Compression.streamCost(request))) {
          held.end()
          return tooManyOpen("streams")
        }
        connection.keepOpen()
        const backlog = new Backlog(backlogOptions, new Hold(quotas.memory, key), connection.cut)
        const stream = new EventStream(backlog, () => leave())
        const send = (channel: string, json: string) => stream.line(`{"channel":"${channel}","data":${json}}`)
        const end = (reason = "the service is stopping") => {
          send("end", JSON.stringify({ reason }))
          stream.close()
          leave()
        }
        send("ready", JSON.stringify({ channels: wanted }))
        const subscription = channels.subscribeUnsafe(grant.principal, wanted, send)
        const unfollow = authenticator.follow(grant, { ended: (why) => end(`the credential is ${why}`) })
        const leave = () => {
          ends.delete(end)
          held.end()
          compressor.end()
          unfollow()
          subscription.end()
        }
        ends.add(end)
        const coded = Compression.stream(request, stream.body)
        return new Response(coded.body, { headers: { ...headers, ...coded.headers } })
      }

      const endAll = Effect.sync(() => {
        for (const end of ends) end()
      })
      yield* Effect.addFinalizer(() => endAll)
      yield* routes.add({
        paths: ["/stream"],
        fetch: (request, connection) =>
          requireReader(
            authenticator,
            request,
            connection,
            (grant) => open(grant, request, connection),
            authenticateStream
          ),
        drain: endAll
      })
    })
  )
