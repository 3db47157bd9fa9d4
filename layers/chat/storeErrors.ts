/** Errors that all stores of conversations have in common. */
import { ChatStoreError } from "./ChatStore.ts"

export const notFound = (id: string) =>
  new ChatStoreError({ reason: "not_found", message: `There is no conversation ${id.slice(0, 100)}.` })

export const alreadyRuns = new ChatStoreError({
  reason: "running",
  message: "A turn of this conversation runs. Wait for its end, or stop it."
})

export const tooMany = new ChatStoreError({
  reason: "too_many",
  message: "Conversations that run need all the room. Wait for the end of one, or stop it."
})

export const ended = new ChatStoreError({
  reason: "ended",
  message: "The turn has ended already. Send a new message."
})

/** The turn's process has died. */
export const interruptedTurn = (requestId: string) =>
  ({
    type: "turn_failed",
    request_id: requestId,
    error: {
      code: 503,
      message: "The turn was interrupted: the service stopped. Send a new message to continue.",
      data: { reason: "interrupted" }
    }
  }) as const
