/** The error of calls that are rejected while the queue of rows is full. */
import { JournalUnavailable } from "../ledger/Journal.ts"

export const queueFull = new JournalUnavailable({
  retryAfter: 5000,
  detail: "too many rows of the ledger are queued for writing"
})
