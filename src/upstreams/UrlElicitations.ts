/** URL elicitations of an upstream server, by id: the client that got the id is notified when the page is finished. Bounded. */
import { Context, Effect } from "effect"
import { Caller } from "../catalog/Caller.ts"
import { Client } from "../catalog/Client.ts"
import { urlRequired } from "../domain/earlierCodes.ts"
import { isObject } from "../domain/JsonObject.ts"

const maxTotal = 1000
const maxPerPrincipal = 32

interface Pending {
  readonly principal: string
  readonly client: Client["Service"]
}

export class UrlElicitations {
  readonly #pending = new Map<string, Pending>()

  get size(): number {
    return this.#pending.size
  }

  /** The caller gets the id. Too many pending ones replace the oldest of the principal, or of all. */
  add(id: unknown, services: Context.Context<Caller | Client>): void {
    if (typeof id !== "string") return
    const principal = Context.get(services, Caller).principal.key
    this.#pending.delete(id)
    const own = [...this.#pending].filter(([, each]) => each.principal === principal)
    const [oldest] = own.length >= maxPerPrincipal ? own : this.#pending.size >= maxTotal ? this.#pending : []
    if (oldest !== undefined) this.#pending.delete(oldest[0])
    this.#pending.set(id, { principal, client: Context.get(services, Client) })
  }

  /** The elicitations in the error of a call, which the caller gets unchanged. */
  readonly addRequired = ({ code, data }: { readonly code?: number; readonly data?: unknown }) =>
    Effect.contextWith((services: Context.Context<Caller | Client>) =>
      Effect.sync(() => {
        if (code !== urlRequired || !isObject(data) || !Array.isArray(data.elicitations)) return
        for (const each of data.elicitations.slice(0, maxPerPrincipal)) {
          if (isObject(each)) this.add(each.elicitationId, services)
        }
      })
    )

  /** The server says that the page is finished. Ids that no caller got are ignored. */
  complete(id: unknown): Effect.Effect<void> {
    if (typeof id !== "string") return Effect.void
    const found = this.#pending.get(id)
    this.#pending.delete(id)
    return found?.client.completed(id) ?? Effect.void
  }
}
