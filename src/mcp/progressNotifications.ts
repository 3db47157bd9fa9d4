/** Sends the progress of a call as MCP `notifications/progress`: in order, increasing, never after the response. */
import type { ProgressEvent } from "../../layers/progress/ProgressEvent.ts"
import type { Notification, RequestContext } from "./RequestContext.ts"

interface Figures {
  readonly progress: number
  readonly total?: number
}

/** Maximum of buffered notifications for a slow reader; further ones are dropped. */
const maxWaiting = 64

/**
 * Progress of the whole call is sent in the handler's unit. Steps and parts have no common unit, so they are sent as
 * percent, or as a share of the handler's total if there is one. The unit never changes within a call.
 */
const makeFigures = () => {
  let own: { readonly total: number | undefined } | undefined
  let percentOnly = false
  return ({ details, progress_percent }: ProgressEvent): Figures | undefined => {
    const { parent_id, progress, total } = details
    if (!percentOnly && parent_id === null && progress !== undefined) {
      own = { total: total ?? own?.total }
      return { progress, ...(total !== undefined && { total }) }
    }
    if (progress_percent === null) return undefined
    percentOnly = own === undefined
    if (own === undefined) return { progress: progress_percent, total: 100 }
    return own.total === undefined
      ? undefined
      : { progress: (own.total * progress_percent) / 100, total: own.total }
  }
}

/** A message without a number describes the whole step. Other messages describe a part, and are prefixed with the step. */
const messageOf = ({ details, step }: ProgressEvent): string | undefined => {
  const { message, parent_id, progress } = details
  if (message !== undefined && progress === undefined) return message
  if (message === undefined || step === null || parent_id === null) return message ?? step ?? undefined
  return `${step}: ${message}`
}

/** `undefined` if the client did not request progress. */
export const makeProgress = ({
  gone,
  meta,
  notify: send
}: Pick<RequestContext, "gone" | "meta" | "notify">) => {
  const progressToken = meta?.["progressToken"]
  if (progressToken === undefined) return undefined
  const figuresOf = makeFigures()
  let last = -Infinity
  /** Whether there were messages for steps; then the end has a message as well. */
  let inSentences = false
  let waiting = 0
  let sent = Promise.resolve()
  const notify = async (notification: Notification) => {
    try {
      await send(notification)
    } catch {
      // The client has disconnected.
    }
  }
  return {
    onProgress: (event: ProgressEvent) => {
      if (/^progress_(failed|interrupted|suspended)$/.test(event.event_type)) return
      const figures = figuresOf(event)
      // It must increase (MCP 2025-03-26, progress).
      if (figures === undefined || !(figures.progress > last)) return
      if (waiting >= maxWaiting || gone()) return
      last = figures.progress
      inSentences ||= event.details.message !== undefined && event.details.progress === undefined
      const done = event.event_type === "progress_completed" && inSentences
      const message = done ? "Done" : messageOf(event)
      const params = { progressToken, ...figures, ...(message !== undefined && { message }) }
      waiting++
      // Sent at once, to keep the order among the call's other messages.
      const sending = notify({ method: "notifications/progress", params }).finally(() => waiting--)
      sent = sent.then(() => sending)
    },
    /** Resolves when all notifications are sent. */
    sent: () => sent
  }
}
