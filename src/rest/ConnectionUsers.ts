/** Credentials that have used a connection. It ends when the last one of them is revoked. */
import type { Authenticator } from "../../layers/identity/Authenticator.ts"
import type { Grant } from "../../layers/identity/Grant.ts"

/** Credentials of one connection that are followed; beyond it, the one that was added first is not. */
const maxFollowed = 100

export class ConnectionUsers {
  readonly #follow: Authenticator["Service"]["follow"]
  readonly #onRevoked: () => void
  /** Functions that end the following, by credential. */
  readonly #users = new Map<string, () => void>()

  /** `onRevoked`: called when the last one is revoked, not when it expires. */
  constructor(follow: Authenticator["Service"]["follow"], onRevoked: () => void) {
    this.#follow = follow
    this.#onRevoked = onRevoked
  }

  add(grant: Grant) {
    const { credential } = grant
    if (this.#users.has(credential)) return
    if (this.#users.size >= maxFollowed) {
      for (const first of this.#users.keys()) {
        this.#remove(first)
        break
      }
    }
    const unfollow = this.#follow(grant, {
      ended: (why) => {
        this.#remove(credential)
        // A client that gets a new token when one expires goes on using the connection.
        if (why === "revoked" && this.#users.size === 0) this.#onRevoked()
      }
    })
    this.#users.set(credential, unfollow)
  }

  /** Follows none any more. */
  end() {
    for (const credential of this.#users.keys()) this.#remove(credential)
  }

  #remove(credential: string) {
    this.#users.get(credential)?.()
    this.#users.delete(credential)
  }
}
