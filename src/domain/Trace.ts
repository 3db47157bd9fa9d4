/** The place of a call in a distributed trace. W3C Trace Context, level 2. */

export interface Trace {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string
  /** The span that called: 16 lower-case hex digits, not all zero. */
  readonly parentId: string
  readonly sampled: boolean
}

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const zero = /^0+$/

/** Reads a `traceparent`; what is malformed counts as absent (section 4.3). */
export const parse = (traceparent: unknown): Trace | undefined => {
  const found = typeof traceparent === "string" && traceparent.length <= 512 ? form.exec(traceparent) : null
  const [, version, traceId = "", parentId = "", flags = "", rest] = found ?? []
  if (version === undefined || version === "ff" || zero.test(traceId) || zero.test(parentId)) return undefined
  // Version 00 ends here; later ones may say more.
  if (version === "00" && rest !== undefined) return undefined
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}
