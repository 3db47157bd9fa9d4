/** Sends a call's progress as MCP `notifications/progress`: in order, always increasing, and never after the answer. */
import type { ProgressEvent } from "../../layers/progress/ProgressEvent.ts"
import type { Notification, RequestContext } from "./RequestContext.ts"

interface Figures {
  readonly progress: number
  readonly total?: number
}

/** Notifications that may wait for a client that reads slowly; more are left out. */
const mostWaiting = 64

/**
 * What a handler says of the whole call goes out in its own unit; steps and parts have none in common, so that they go
 * out as percent, or as their share of the handler's total where it has spoken of one. One call keeps to one unit.
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

/** A message without a figure is a sentence about the whole step; others are about a part of it, and name the step. */
const messageOf = ({ details, step }: ProgressEvent): string | undefined => {
  const { message, parent_id, progress } = details
  if (message !== undefined && progress === undefined) return message
  if (message === undefined || step === null || parent_id === null) return message ?? step ?? undefined
  return `${step}: ${message}`
}

/** Undefined when the client did not ask for progress. */
export const makeProgress = ({
  gone,
  meta,
  notify: send
}: Pick<RequestContext, "gone" | "meta" | "notify">) => {
  const progressToken = meta?.["progressToken"]
  if (progressToken === undefined) return undefined
  const figuresOf = makeFigures()
  let last = -Infinity
  /** The steps have sentences; then the end has one, too. */
  let inSentences = false
  let waiting = 0
  let sent = Promise.resolve()
  const notify = async (notification: Notification) => {
    try {
      await send(notification)
    } catch {
      // Whoever went away, or closed the stream, need not be told.
    }
  }
  return {
    onProgress: (event: ProgressEvent) => {
      if (/^progress_(failed|interrupted|suspended)$/.test(event.event_type)) return
      const figures = figuresOf(event)
      // It must increase (MCP 2025-03-26, progress).
      if (figures === undefined || !(figures.progress > last)) return
      if (waiting >= mostWaiting || gone()) return
      last = figures.progress
      inSentences ||= event.details.message !== undefined && event.details.progress === undefined
      const done = event.event_type === "progress_completed" && inSentences
      const message = done ? "Done" : messageOf(event)
      const params = { progressToken, ...figures, ...(message !== undefined && { message }) }
      waiting++
      // Handed over at once, so that it keeps its place among the call's other messages.
      const sending = notify({ method: "notifications/progress", params }).finally(() => waiting--)
      sent = sent.then(() => sending)
    },
    /** Resolves when all of it is sent. */
    sent: () => sent
  }
}
