/** Large response bodies: sent in slices and charged to a memory quota until the client has read them. */
import { Hold, type Quota } from "../quotas/Quota.ts"
import { reject } from "./responses.ts"

/** Smaller bodies, in UTF-16 units or bytes, are sent in one piece and not charged. */
export const largeBody = 64 * 1024
/** Bytes in one slice. */
const slice = 256 * 1024

/** The quota that a response is charged to. */
export interface Account {
  readonly quota: Quota
  readonly owner: string
  /** Its signal fires when the client disconnects. Read only for large responses: the first read makes the signal. */
  readonly request: Request
}

const denied = () =>
  reject(
    503,
    "Memory quota of this principal reached (quotas.memory). Read or close open responses, then retry.",
    { "retry-after": "1" }
  )

const slices = (bytes: Uint8Array, hold: Hold) => {
  let at = 0
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        // Called when the client has read the previous slice.
        hold.set(bytes.byteLength - at)
        if (at < bytes.byteLength) controller.enqueue(bytes.subarray(at, (at += slice)))
        else {
          hold.end()
          controller.close()
        }
      },
      cancel: () => hold.end()
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 0 })
  )
}

/** The response with this body; 503 when the quota is reached. */
export const respond = (
  body: string | Uint8Array<ArrayBuffer>,
  init: { readonly status: number; readonly headers: Headers },
  account: Account | undefined
): Response => {
  if (account === undefined || body.length < largeBody) return new Response(body, init)
  const bytes = typeof body === "string" ? Buffer.from(body) : body
  const { owner, quota, request } = account
  const hold = new Hold(quota, owner)
  if (!hold.set(bytes.byteLength)) return denied()
  const { signal } = request
  // `cancel` is not called for a client that disconnects before the first slice.
  signal.addEventListener("abort", () => hold.end(), { once: true })
  if (signal.aborted) hold.end()
  return new Response(slices(bytes, hold), init)
}
