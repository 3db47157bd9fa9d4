/** A WebSocket of a principal: bounded for slow readers, charged to quotas, and closed with its credential. */
import type { Socket } from "../http/Routes.ts"
import type { Authenticator } from "../identity/Authenticator.ts"
import type { Ended, Grant } from "../identity/Grant.ts"
import { Hold } from "../quotas/Quota.ts"
import type { Quotas } from "../quotas/Quotas.ts"
import { Backlog, type BacklogOptions } from "./Backlog.ts"
import { largeMessage } from "./messageBody.ts"

export interface GuardedSocketOptions {
  readonly socket: Pick<Socket<unknown>, "close" | "send" | "terminate" | "waiting">
  readonly grant: Grant
  readonly authenticator: Authenticator["Service"]
  readonly quotas: Quotas["Service"]
  readonly backlog: BacklogOptions
  /** Runs a function after the time-out for slow readers. */
  readonly later: (run: () => void) => void
  /** The credential has another principal now, such as one with other scopes. */
  readonly onGrant: (grant: Grant) => void
  /** The socket closes for the reason of a code; called once. */
  readonly onLeave: () => void
}

const expiry: Readonly<Record<Ended, string>> = {
  expired: "the token has expired",
  revoked: "the token is no longer valid"
}

export class GuardedSocket {
  readonly #socket: GuardedSocketOptions["socket"]
  readonly #later: GuardedSocketOptions["later"]
  readonly #backlog: Backlog
  readonly #onLeave: () => void
  /** The socket's share of the stream quota. */
  readonly #held: Hold
  /** The largest message so far: Bun retains a buffer of that size while the socket is open. */
  readonly #buffer: Hold
  readonly #unfollow: () => void
  /** Sends the close frame; set once the connection is closing. */
  #closing: (() => void) | undefined
  #ended = false

  constructor({
    authenticator,
    backlog,
    grant,
    later,
    onGrant,
    onLeave,
    quotas,
    socket
  }: GuardedSocketOptions) {
    const { key } = grant.principal
    this.#socket = socket
    this.#later = later
    this.#onLeave = onLeave
    this.#backlog = new Backlog(backlog, new Hold(quotas.memory, key))
    this.#held = new Hold(quotas.streams, key)
    this.#buffer = new Hold(quotas.memory, key)
    this.#unfollow = authenticator.follow(grant, {
      changed: onGrant,
      // RFC 6455, section 7.4.1: policy violation.
      ended: (why) => this.leave(1008, expiry[why])
    })
  }

  /** Takes the socket's share of the stream quota; without one the socket closes. */
  hold() {
    if (!this.#held.set(1)) this.leave(1013, "too many open streams and sockets for this principal")
  }

  get closing(): boolean {
    return this.#closing !== undefined
  }

  /** Bytes that the client has not read. */
  get waiting(): number {
    return this.#socket.waiting()
  }

  /** The text of a frame; `undefined` if the frame closes the socket, or the socket closes already. */
  accept(frame: string | Uint8Array): string | undefined {
    if (this.#closing !== undefined) return undefined
    if (typeof frame !== "string") {
      this.leave(1003, "only text frames are supported")
      return undefined
    }
    const isLarger = frame.length >= largeMessage && frame.length > this.#buffer.amount
    if (isLarger && !this.#buffer.set(frame.length)) {
      this.leave(1013, "memory quota of this principal reached")
      return undefined
    }
    return frame
  }

  /** Does not wait for a slow reader: a full buffer closes the socket. */
  send(text: string) {
    if (this.#backlog.update(this.#socket.waiting()) && this.#socket.send(text)) {
      if (this.#backlog.update(this.#socket.waiting())) return
    }
    this.leave(1013, "the client reads too slowly")
  }

  /** The buffer was sent, or a part of it. */
  drained() {
    const waiting = this.#socket.waiting()
    this.#backlog.update(waiting)
    if (waiting === 0) this.#closing?.()
  }

  /** Closes with a code. */
  leave(code: number, reason: string) {
    this.close(code, reason)
    this.#onLeave()
  }

  /**
   * Sends a close frame once the buffer was sent, or drops the connection after the time-out. A closed socket would keep
   * its buffer while the client does not read, and Bun cannot terminate it any more.
   */
  close(code: number, reason: string) {
    this.#release()
    if (this.#closing !== undefined) return
    this.#closing = () => this.#socket.close(code, reason)
    if (this.#backlog.denied) this.#socket.terminate()
    else if (this.#socket.waiting() === 0) this.#closing()
    else this.#later(() => this.#socket.terminate())
  }

  /** The socket has closed. */
  closed() {
    this.#release()
    this.#backlog.end()
    this.#buffer.end()
  }

  #release() {
    if (this.#ended) return
    this.#ended = true
    this.#unfollow()
    this.#held.end()
  }
}
