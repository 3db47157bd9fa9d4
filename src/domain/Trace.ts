/** Trace context of a call (W3C Trace Context, level 2). */

export interface Trace {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string
  /** Id of the parent span: 16 lower-case hex digits, not all zero. */
  readonly parentId: string
  readonly sampled: boolean
}

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const zero = /^0+$/

/** Parses a `traceparent`; a malformed one counts as absent (section 4.3). */
export const parse = (traceparent: unknown): Trace | undefined => {
  const found =
    typeof traceparent === "string" && traceparent.length <= 512 ? pattern.exec(traceparent) : null
  const [, version, traceId = "", parentId = "", flags = "", rest] = found ?? []
  if (version === undefined || version === "ff" || zero.test(traceId) || zero.test(parentId)) return undefined
  // Only versions after 00 may have further fields.
  if (version === "00" && rest !== undefined) return undefined
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

export const toTraceparent = ({ parentId, sampled, traceId }: Trace): string =>
  `00-${traceId}-${parentId}-${sampled ? "01" : "00"}`
