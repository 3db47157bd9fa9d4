/** Entries whose calls spend without a hold. Only their charges show that they do. */
import type { Call } from "../ledger/Calls.ts"

/** Maximum number of remembered entries; beyond it, every call counts as one that spends. */
const most = 1000

const keyOf = ({ kind, name, template }: Call) => `${kind} ${template ?? name}`

export class Spenders {
  readonly #keys = new Set<string>()

  add(call: Call) {
    if (this.#keys.size < most) this.#keys.add(keyOf(call))
  }

  has(call: Call): boolean {
    return this.#keys.size >= most || this.#keys.has(keyOf(call))
  }
}
