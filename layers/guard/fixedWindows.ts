/** Fixed-window counters per key in this process, for `RateLimit`. */

/** At most `max` calls for `key` in a window of `window` milliseconds. */
export interface Limit {
  /** What is limited, for messages: `principal`, `tool`, `total`, `address`. */
  readonly name: string
  /** Whose calls are counted together. Unique among all limits, so it should begin with the name. */
  readonly key: string
  /** Whom it limits, for messages; absent: the key says it. */
  readonly whose?: string
  readonly max: number
  /** Milliseconds. */
  readonly window: number
}

/** The limit that stood in the way, and after how many milliseconds a call under it may pass again. */
export interface LimitReached {
  readonly limit: Limit
  readonly retryAfter: number
}

interface Counter {
  readonly key: string
  count: number
  /** Milliseconds since the epoch. */
  endsAt: number
}

/** How many counters are looked at, when there are too many, to find one that matters little. */
const candidates = 16

/**
 * The fixed window of `effect/persistence`'s RateLimiter: it begins with a call, each call makes it `window / max`
 * longer, and it is over at once for all. So `max` calls at once close it for a whole `window`.
 *
 * Unlike that module's own memory, this one takes under several limits at once or not at all, forgets, and is
 * synchronous. It never holds more than `maxKeys` keys: beyond that, a new one takes the place of that of a few
 * whose window ends first. That one is over already, or has counted least.
 */
export const make = (maxKeys: number) => {
  const counters = new Map<string, Counter>()
  // A Map has no cheap way to walk on from where one stopped.
  const slots: Array<Counter> = []
  let hand = 0

  const place = (counter: Counter) => {
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
    const given = slots[least]
    if (given !== undefined) counters.delete(given.key)
    slots[least] = counter
  }

  /** Counts one call under each limit and returns the fewest calls left, or counts nothing and says what is used up. */
  const take = (limits: ReadonlyArray<Limit>, now: number): number | LimitReached => {
    for (const limit of limits) {
      const counter = counters.get(limit.key)
      const open = counter !== undefined && counter.endsAt > now
      if ((open ? counter.count : 0) + 1 > limit.max) {
        return { limit, retryAfter: open ? Math.ceil(counter.endsAt - now) : limit.window }
      }
    }
    let left = Infinity
    for (const limit of limits) {
      let counter = counters.get(limit.key)
      if (counter === undefined) {
        counter = { key: limit.key, count: 0, endsAt: now }
        place(counter)
      } else if (counter.endsAt <= now) {
        counter.count = 0
        counter.endsAt = now
      }
      counter.count += 1
      counter.endsAt += limit.window / limit.max
      left = Math.min(left, limit.max - counter.count)
    }
    return left
  }

  return { take, size: () => counters.size }
}

export type Windows = ReturnType<typeof make>
