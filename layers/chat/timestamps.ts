/** Times of events. */
import type { Clock } from "effect"

/** The present time in ISO 8601, formatted once per millisecond. */
export const timestamps = (clock: Clock.Clock): (() => string) => {
  let latest = { time: Number.NaN, timestamp: "" }
  return () => {
    const time = clock.currentTimeMillisUnsafe()
    if (time !== latest.time) latest = { time, timestamp: new Date(time).toISOString() }
    return latest.timestamp
  }
}
