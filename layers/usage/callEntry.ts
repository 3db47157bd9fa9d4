/** State of a running call that holds or spends money. */
import type { Call, Outcome } from "../ledger/Calls.ts"
import { nothing, type Spent, sum } from "../ledger/Spend.ts"
import { type CallIdentity, callRow, type CallRow } from "./callRow.ts"
import { unitsOf } from "./money.ts"

/** Held and spent amounts of a request, including its nested calls, in units of 1e-12 USD. */
export interface RequestSum {
  used: bigint
}

export class CallEntry {
  readonly id: string
  readonly identity: CallIdentity
  /** Whether the database has a hold for it. */
  isHeld = false
  /** Whether its price is unknown. */
  unpriced = false
  #spent: Spent | undefined
  #outcome: Outcome | undefined
  #duration: number | undefined
  readonly #request: RequestSum
  /** Its part of the request's sum. */
  #counted = 0n

  constructor(id: string, identity: CallIdentity, request: RequestSum) {
    this.id = id
    this.identity = identity
    this.#request = request
  }

  /** Replaces the call's part of the request's sum. */
  count(amount: bigint) {
    this.#request.used += amount - this.#counted
    this.#counted = amount
  }

  get counted(): bigint {
    return this.#counted
  }

  spend(spent: Spent) {
    this.#spent = sum(this.#spent ?? nothing, spent)
    this.isHeld = false
    this.count(unitsOf(this.#spent.usd))
  }

  end(outcome: Outcome, duration: number) {
    this.#outcome = outcome
    this.#duration = duration
  }

  get row(): CallRow {
    const row = callRow({
      id: this.id,
      identity: this.identity,
      spent: this.#spent,
      outcome: this.#outcome,
      duration: this.#duration
    })
    return this.unpriced && row.cost === 0n && row.total_tokens > 0 ? { ...row, unpriced: 1 } : row
  }
}

const rootOf = (call: Call): Call => {
  let root = call
  while (root.parent !== undefined) root = root.parent
  return root
}

/** The entries of running calls, and the sums of their requests; removed when the calls end. */
export class CallEntries {
  readonly #entries = new WeakMap<Call, CallEntry>()
  readonly #requests = new WeakMap<Call, RequestSum>()

  requestOf(call: Call): RequestSum {
    const root = rootOf(call)
    const known = this.#requests.get(root)
    if (known !== undefined) return known
    const request = { used: 0n }
    this.#requests.set(root, request)
    return request
  }

  find(call: Call): CallEntry | undefined {
    return this.#entries.get(call)
  }

  add(call: Call, entry: CallEntry) {
    this.#entries.set(call, entry)
  }
}
