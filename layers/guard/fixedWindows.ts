/** Fixed-window counters per key in this process: bounded, synchronous, several limits at once. */

/** At most `max` calls of `key` per `window` milliseconds. */
export interface Limit {
  /** For messages: `principal`, `tool`, `total` or `address`. */
  readonly name: string
  /** Calls with one key are counted together. Unique among all limits, so it starts with the name. */
  readonly key: string
  /** For messages: what is limited. Default: the key. */
  readonly subject?: string
  readonly max: number
  /** In milliseconds. */
  readonly window: number
}

/** The limit that rejected a call, and the milliseconds until its window ends. */
export interface LimitReached {
  readonly limit: Limit
  readonly retryAfter: number
}

export interface Counter {
  count: number
  /** Milliseconds of the clock of `take`. */
  endsAt: number
}

/** Where counters are kept. */
export interface Counters {
  readonly find: (key: string) => Counter | undefined
  /** A counter of no calls, whose window ends at `now`. */
  readonly create: (key: string, now: number) => Counter
}

/** Counts one call under each limit and returns the lowest number of calls left; or counts nothing and returns the limit that is reached. */
export const takeFrom =
  ({ create, find }: Counters) =>
  (limits: ReadonlyArray<Limit>, now: number): number | LimitReached => {
    for (const limit of limits) {
      const counter = find(limit.key)
      const open = counter !== undefined && counter.endsAt > now
      if ((open ? counter.count : 0) + 1 > limit.max) {
        return { limit, retryAfter: open ? Math.ceil(counter.endsAt - now) : limit.window }
      }
    }
    let left = Infinity
    for (const limit of limits) {
      const counter = find(limit.key) ?? create(limit.key, now)
      if (counter.endsAt <= now) {
        counter.count = 0
        counter.endsAt = now
      }
      counter.count += 1
      counter.endsAt += limit.window / limit.max
      left = Math.min(left, limit.max - counter.count)
    }
    return left
  }

interface LocalCounter extends Counter {
  readonly key: string
}

/** Counters to compare for an eviction. */
const candidates = 16

/**
 * The fixed window of `effect/persistence`'s RateLimiter: it starts with a call, each call extends it by `window / max`, and
 * all counts expire with it. A burst of `max` calls therefore closes it for a whole `window`.
 *
 * Unlike that module's memory store, this one is synchronous, evicts, and counts under several limits atomically. It
 * holds at most `maxKeys` keys: beyond that, a new key evicts, of a few candidates, the one whose window ends first, which
 * has ended already or has counted least.
 */
export const make = (maxKeys: number) => {
  const counters = new Map<string, LocalCounter>()
  // For the clock hand of the eviction: a Map cannot be iterated from a given position.
  const slots: Array<LocalCounter> = []
  let hand = 0

  const place = (counter: LocalCounter) => {
    counters.set(counter.key, counter)
    if (slots.length < maxKeys) {
      slots.push(counter)
      return
    }
    let least = hand
    for (let step = 0; step < candidates; step++) {
      if ((slots[hand]?.endsAt ?? 0) < (slots[least]?.endsAt ?? 0)) least = hand
      hand = (hand + 1) % maxKeys
    }
    const evicted = slots[least]
    if (evicted !== undefined) counters.delete(evicted.key)
    slots[least] = counter
  }

  const take = takeFrom({
    find: (key) => counters.get(key),
    create: (key, now) => {
      const counter = { key, count: 0, endsAt: now }
      place(counter)
      return counter
    }
  })

  return { take, size: () => counters.size }
}

export type Windows = ReturnType<typeof make>
