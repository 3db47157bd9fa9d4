/** Event channels for connected clients: publishes each event to the subscribers of its principal. */
import { Context, Duration, Effect, Layer, Schedule, type Schema, type Scope } from "effect"
import type { Principal } from "../../src/domain/Principal.ts"

/** `heartbeat` is sent by this file; the others carry published events. */
export const channels = ["heartbeat", "progress", "usage"] as const
export type Channel = (typeof channels)[number]

export const isChannel = (name: unknown): name is Channel => channels.some((channel) => channel === name)

/** Interval of `heartbeat`; the first one is sent at subscription. */
const interval = Duration.seconds(15)

export interface Subscription {
  /** Replaces the subscribed channels. */
  readonly listen: (channels: ReadonlyArray<Channel>) => void
  readonly end: () => void
}

interface Subscriber {
  readonly principal: Principal
  /** Receives the JSON of an event, without line breaks. Must not wait: a slow reader is disconnected. */
  readonly send: (channel: Channel, json: string) => void
  heartbeats: number
}

export class Channels extends Context.Service<
  Channels,
  {
    /** Publishes to the owner's subscribers of the channel, and to no other principal. */
    readonly publish: (
      channel: Exclude<Channel, "heartbeat">,
      owner: Principal,
      event: Schema.Json
    ) => Effect.Effect<void>
    /** `publish`, for code that is not an Effect. */
    readonly publishUnsafe: (
      channel: Exclude<Channel, "heartbeat">,
      owner: Principal,
      event: Schema.Json
    ) => void
    /** The principals that subscribe to the channel, one for each subscriber. */
    readonly audienceUnsafe: (channel: Channel) => ReadonlyArray<Principal>
    /** Sends each subscriber of the channel the event for its principal, with its current scopes; undefined: no event. */
    readonly publishEachUnsafe: (
      channel: Exclude<Channel, "heartbeat">,
      eventFor: (principal: Principal) => Schema.Json | undefined
    ) => void
    /** Adds a client, which counts as active until `end`. Events go to `send` without a queue. */
    readonly subscribeUnsafe: (
      principal: Principal,
      channels: ReadonlyArray<Channel>,
      send: Subscriber["send"]
    ) => Subscription
    /** Number of connected clients: subscribers, and clients added by `count`. */
    readonly active: Effect.Effect<number>
    /** Adds clients without channels, such as sessions, to `active` while the scope is open. */
    readonly count: (clients: () => number) => Effect.Effect<void, never, Scope.Scope>
  }
>()("manifold/events/Channels") {
  static readonly layer = Layer.effect(
    Channels,
    Effect.gen(function* () {
      const clients = new Set<Subscriber>()
      const listeners: Record<Channel, Set<Subscriber>> = {
        heartbeat: new Set(),
        progress: new Set(),
        usage: new Set()
      }

      const counted = new Set<() => number>()
      const active = () => {
        let sum = clients.size
        for (const count of counted) sum += count()
        return sum
      }

      const beat = (subscriber: Subscriber) => {
        const event = { heartbeat: ++subscriber.heartbeats, active_clients: active() }
        subscriber.send("heartbeat", JSON.stringify(event))
      }
      const beatAll = Effect.sync(() => {
        for (const subscriber of listeners.heartbeat) beat(subscriber)
      })
      yield* Effect.forkScoped(Effect.schedule(beatAll, Schedule.spaced(interval)))

      const leave = (subscriber: Subscriber) => {
        for (const channel of channels) listeners[channel].delete(subscriber)
      }

      const publishUnsafe: Channels["Service"]["publishUnsafe"] = (channel, owner, event) => {
        if (listeners[channel].size === 0) return
        const { key } = owner
        let json: string | undefined
        for (const subscriber of listeners[channel]) {
          if (subscriber.principal.key !== key) continue
          subscriber.send(channel, (json ??= JSON.stringify(event)))
        }
      }

      return Channels.of({
        publish: (channel, owner, event) => Effect.sync(() => publishUnsafe(channel, owner, event)),
        publishUnsafe,
        audienceUnsafe: (channel) => Array.from(listeners[channel], ({ principal }) => principal),
        publishEachUnsafe: (channel, eventFor) => {
          for (const { principal, send } of listeners[channel]) {
            const event = eventFor(principal)
            if (event !== undefined) send(channel, JSON.stringify(event))
          }
        },
        subscribeUnsafe: (principal, names, send) => {
          const subscriber: Subscriber = { principal, send, heartbeats: 0 }
          const listen = (wanted: ReadonlyArray<Channel>) => {
            const before = listeners.heartbeat.has(subscriber)
            leave(subscriber)
            if (!clients.has(subscriber)) return
            for (const channel of wanted) listeners[channel].add(subscriber)
            if (!before && wanted.includes("heartbeat")) beat(subscriber)
          }
          clients.add(subscriber)
          listen(names)
          return {
            listen,
            end: () => {
              clients.delete(subscriber)
              leave(subscriber)
            }
          }
        },
        active: Effect.sync(active),
        count: (others) =>
          Effect.acquireRelease(
            Effect.sync(() => void counted.add(others)),
            () => Effect.sync(() => counted.delete(others))
          )
      })
    })
  )
}
