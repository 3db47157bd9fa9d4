/** Both sides of a proxied WebSocket. */
import type { Socket } from "../../http/Routes.ts"

export interface Bridge {
  readonly target: WebSocket
  /** Once the client was upgraded. */
  client: Socket<Bridge> | undefined
  /** Messages of the target before that, and their size. */
  readonly early: Array<string | Uint8Array<ArrayBuffer>>
  earlySize: number
  /** How the target has closed, before the client was upgraded. */
  closed: { readonly code: number; readonly reason: string } | undefined
  readonly ended: () => void
}
