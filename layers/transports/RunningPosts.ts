/** Running POSTs of a session, by request id and by stream: cancelled when their reader or their credential is gone. */
import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/server"
import { cancelled } from "../../src/domain/errorCodes.ts"
import { TransientMap } from "../../src/domain/TransientMap.ts"
import type { Ended, Grant } from "../identity/Grant.ts"
import type { PendingPost } from "./PendingPost.ts"
import type { SessionServer } from "./McpServers.ts"
import type { StreamsOptions } from "./SessionStreams.ts"

export interface RunningPostsOptions extends Pick<StreamsOptions, "follow"> {
  readonly server: Pick<SessionServer, "cancel">
  /** Milliseconds; may be coarse. */
  readonly now: () => number
}

const cancellation = (id: RequestId, message: string) => ({
  jsonrpc: "2.0" as const,
  id,
  error: { code: cancelled, message }
})

export class RunningPosts {
  readonly #options: RunningPostsOptions
  readonly #receive: (message: JSONRPCMessage) => void
  /** A POST has an entry for each of its requests. */
  readonly #byId = new TransientMap<RequestId, PendingPost>()
  /** Those whose response is a stream. */
  readonly #byStream = new TransientMap<number, PendingPost>()

  /** `receive`: passes a message to handlers of the SDK's server, as if the client had sent it. */
  constructor(options: RunningPostsOptions, receive: (message: JSONRPCMessage) => void) {
    this.#options = options
    this.#receive = receive
  }

  /** Running requests. */
  get size(): number {
    return this.#byId.size
  }

  /** The POST that the request came with. */
  get(id: RequestId): PendingPost | undefined {
    return this.#byId.get(id)
  }

  ofStream(number: number): PendingPost | undefined {
    return this.#byStream.get(number)
  }

  add(post: PendingPost) {
    for (const { id } of post.requests) this.#byId.set(id, post)
  }

  /** The response of the POST becomes a stream. */
  upgrade(post: PendingPost) {
    this.#byStream.set(post.stream, post)
    this.follow(post, post.grant)
  }

  /** After the last response. An id may be in use again. */
  remove(post: PendingPost) {
    post.unfollow?.()
    for (const { id } of post.requests) this.#byId.remove(id, post)
    this.#byStream.delete(post.stream)
  }

  /** Ends all of them with the response. */
  abort(response: () => Response) {
    for (const post of this.#byId.values()) post.abort(response())
  }

  /** Responds with the reason, and interrupts the handler. */
  cancel(id: RequestId, reason: string) {
    const post = this.#byId.get(id)
    if (post === undefined) return
    post.answer(id, cancellation(id, reason))
    this.#options.server.cancel(id)
  }

  /** Cancels requests whose reader disconnected before `deadline` and has not resumed. */
  cancelAbandoned(deadline: number) {
    for (const post of this.#byStream.values()) {
      if (post.lostAt !== undefined && post.lostAt <= deadline) {
        this.#cancelAll(post, "The client disconnected and did not resume.")
      }
    }
  }

  /** A revocation cancels the requests, also while no client reads their stream. */
  follow(post: PendingPost, grant: Grant) {
    post.unfollow?.()
    post.unfollow = this.#options.follow(grant, {
      ended: (why) => {
        if (why === "revoked") this.#cancelAll(post, "The credential was revoked.")
      }
    })
  }

  /** The reader of the stream disconnected; it may resume. */
  lost(number: number) {
    const post = this.#byStream.get(number)
    if (post !== undefined) post.lostAt = this.#options.now()
  }

  /** The credential that opened the stream ended. After expiry the stream may be resumed with a new credential. */
  grantEnded(number: number, why: Ended) {
    const post = this.#byStream.get(number)
    if (post === undefined) return
    // The response comes before the end of the stream.
    if (why === "revoked") this.#cancelAll(post, "The credential was revoked.")
    else post.lostAt = this.#options.now()
  }

  #cancelAll(post: PendingPost, reason: string) {
    for (const id of Array.from(post.pending)) {
      // A cancellation as if sent by the client, for handlers of the SDK's server.
      this.#receive({
        jsonrpc: "2.0",
        method: "notifications/cancelled",
        params: { requestId: id, reason }
      })
      this.cancel(id, reason)
    }
  }
}
