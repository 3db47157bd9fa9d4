/** The message of every error of Guard: the one place that matches whole sentences. */
import { expect, test } from "bun:test"
import {
  Busy,
  CircuitOpen,
  Forbidden,
  isGuardRejection,
  LimiterUnavailable,
  rateLimited,
  TimedOut
} from "../../../layers/guard/GuardError.ts"

const limit = { name: "tool", key: "tool:echo", subject: "echo", max: 5, window: 3_600_000 }

const messages = [
  [
    rateLimited({ limit, retryAfter: 3_598_001 }),
    'Rate limit reached for echo: 5 calls per 3600 s (limit "tool"). Retry in 3599 s.'
  ],
  [
    rateLimited({ limit: { ...limit, max: 1 }, retryAfter: 1000 }),
    'Rate limit reached for echo: 1 call per 3600 s (limit "tool"). Retry in 1 s.'
  ],
  [
    new LimiterUnavailable({ retryAfter: 2000 }),
    "The shared store of the rate limits is unreachable. Retry in 2 s."
  ],
  [
    new Forbidden({ name: "echo", scopes: ["admin"] }),
    "echo requires the scope admin. Use a credential that grants it."
  ],
  [
    new Forbidden({ name: "echo", scopes: ["read", "admin"] }),
    "echo requires the scopes read, admin. Use a credential that grants them."
  ],
  [
    new Busy({ name: "echo", limit: "total", max: 8, waiting: 2, retryAfter: 1000 }),
    'echo is busy: 8 calls running (limit "total"), 2 queued. Retry in 1 s.'
  ],
  [
    new CircuitOpen({ name: "echo", retryAfter: 20_000 }),
    "echo is temporarily unavailable after repeated failures (circuit breaker open). Retry in 20 s."
  ],
  [new TimedOut({ name: "echo", limit: 50 }), "echo exceeded its time limit of 50 ms and was interrupted."],
  [new TimedOut({ name: "echo", limit: 60_000 }), "echo exceeded its time limit of 60 s and was interrupted."]
] as const

for (const [error, message] of messages) {
  test(`${error._tag} has the message: ${message}`, () => {
    expect(error.message).toBe(message)
    expect(isGuardRejection(error)).toBe(error._tag !== "TimedOut")
  })
}

test("a key with control characters cannot forge a log line", () => {
  const { key } = rateLimited({ limit: { ...limit, subject: "a\nb\u2028c" }, retryAfter: 1 })
  expect(key).toBe("a?b?c")
})
