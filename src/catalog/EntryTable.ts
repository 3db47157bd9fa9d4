/** Table of the entries of one kind: names, audiences, and entries that wait for a taken name. */
import type { Principal } from "../domain/Principal.ts"
import type { Scope } from "../domain/scopes.ts"
import { includes, ownerKey, type Audience, type Visibility } from "./Audience.ts"
import { SortedIndex, toAlias } from "./SortedIndex.ts"

/** Owner and audience of entries: one object per contribution, compared by identity. */
export interface Source {
  readonly owner: string
  readonly audience: Audience
  readonly lifetimes?: Lifetimes | undefined
  /** The name of its calls in metrics. Absent: those of its entries. */
  readonly callsAs?: string | undefined
}

/** How long lists of entries are valid from now on, in milliseconds; `undefined` if nothing is known of it. */
export type Lifetimes = {
  readonly [Kind in "tools" | "prompts" | "resources" | "templates"]: () => number | undefined
}

/** One entry of one source. It holds its name, or waits until the name is free. */
export interface Claim<A> {
  readonly key: string
  readonly source: Source
  entry: A
}

/**
 * Two claims to a name conflict unless they are private entries of two principals. The first claim holds the name until
 * its release; then the waiting claims are tried in order of arrival.
 */
export class EntryTable<A> {
  readonly kind: string
  readonly key: (entry: A) => string
  readonly scopes: (entry: A) => ReadonlyArray<Scope>
  /** Holders whose audience is not one principal. */
  readonly #shared = new SortedIndex<Claim<A>>()
  /** Holders by `Principal.key`. */
  readonly #private = new Map<string, SortedIndex<Claim<A>>>()
  /** The private holders by name. */
  readonly #privateByName = new Map<string, Set<Claim<A>>>()
  readonly #waiting = new Map<string, Set<Claim<A>>>()

  constructor(kind: string, key: (entry: A) => string, scopes: (entry: A) => ReadonlyArray<Scope>) {
    this.kind = kind
    this.key = key
    this.scopes = scopes
  }

  /** The entry of that name whose audience includes the principal, regardless of scopes. */
  find(principal: Principal, key: string): Claim<A> | undefined {
    const shared = this.#shared.get(key)
    if (shared !== undefined) return includes(shared.source.audience, principal) ? shared : undefined
    return this.#private.size === 0 ? undefined : this.#private.get(principal.key)?.get(key)
  }

  /**
   * Like `find`; otherwise the only visible entry with the alias `key`: clients rewrite names, such as `math.add` to
   * `math_add`.
   */
  resolve(principal: Principal, key: string): Claim<A> | undefined {
    const exact = this.find(principal, key)
    if (exact !== undefined || toAlias(key) !== key) return exact
    const own = this.#private.get(principal.key)?.byAlias(key) ?? []
    const [first, second] = [...this.#shared.byAlias(key), ...own].filter(
      ({ entry, source }) => includes(source.audience, principal) && this.#mayReach(principal, entry)
    )
    return second === undefined ? first : undefined
  }

  /** The accepted claims whose audience includes the principal, sorted by key (UTF-16 code units), starting after `after`. */
  *all(principal: Principal, after?: string, accepts?: (entry: A) => boolean): Generator<Claim<A>> {
    const own = this.#private.size === 0 ? undefined : this.#private.get(principal.key)
    let nextShared = this.#shared.indexAfter(after)
    let nextOwn = own?.indexAfter(after) ?? 0
    while (true) {
      const first = this.#shared.sorted[nextShared]
      const second = own?.sorted[nextOwn]
      if (first !== undefined && (second === undefined || first.key < second.key)) {
        nextShared++
        const isSeen = includes(first.source.audience, principal) && accepts?.(first.entry) !== false
        if (isSeen) yield first
      } else if (second !== undefined) {
        nextOwn++
        if (accepts?.(second.entry) !== false) yield second
      } else return
    }
  }

  /** Like `all`, without entries whose scopes the principal could never obtain. */
  visible(principal: Principal, after?: string): Generator<Claim<A>> {
    return this.all(principal, after, (entry) => this.#mayReach(principal, entry))
  }

  hasVisible(principal: Principal): boolean {
    return this.visible(principal).next().done === false
  }

  visibility({ entry, source }: Claim<A>): Visibility {
    return { audience: source.audience, scopes: this.scopes(entry), tool: this.#toolOf(entry) }
  }

  /** The claim that holds the name for at least one principal of the audience. */
  holder(key: string, audience: Audience): Claim<A> | undefined {
    const shared = this.#shared.get(key)
    if (shared !== undefined) return shared
    const principal = ownerKey(audience)
    if (principal !== undefined) return this.#private.get(principal)?.get(key)
    return this.#privateByName.get(key)?.values().next().value
  }

  holds(claim: Claim<A>): boolean {
    return this.#waiting.get(claim.key)?.has(claim) !== true
  }

  claim(source: Source, entry: A): Claim<A> {
    const claim = { key: this.key(entry), source, entry }
    if (this.holder(claim.key, source.audience) === undefined) this.#hold(claim)
    else add(this.#waiting, claim.key, claim)
    return claim
  }

  /** Releases the claim and returns the waiting claims that now hold the name. */
  release(claim: Claim<A>): ReadonlyArray<Claim<A>> {
    if (remove(this.#waiting, claim.key, claim)) return []
    const principal = ownerKey(claim.source.audience)
    if (principal === undefined) this.#shared.delete(claim.key)
    else {
      const own = this.#private.get(principal)
      own?.delete(claim.key)
      if (own?.size === 0) this.#private.delete(principal)
      remove(this.#privateByName, claim.key, claim)
    }
    const promoted: Array<Claim<A>> = []
    for (const waiting of this.#waiting.get(claim.key) ?? []) {
      if (this.holder(waiting.key, waiting.source.audience) !== undefined) continue
      remove(this.#waiting, waiting.key, waiting)
      this.#hold(waiting)
      promoted.push(waiting)
    }
    return promoted
  }

  #toolOf(entry: A): string | undefined {
    return this.kind === "tool" ? this.key(entry) : undefined
  }

  #mayReach(principal: Principal, entry: A): boolean {
    return principal.mayReach(this.scopes(entry), this.#toolOf(entry))
  }

  #hold(claim: Claim<A>): void {
    const principal = ownerKey(claim.source.audience)
    if (principal === undefined) return this.#shared.set(claim)
    let own = this.#private.get(principal)
    if (own === undefined) this.#private.set(principal, (own = new SortedIndex()))
    own.set(claim)
    add(this.#privateByName, claim.key, claim)
  }
}

const add = <V>(sets: Map<string, Set<V>>, key: string, value: V): void => {
  const set = sets.get(key)
  if (set === undefined) sets.set(key, new Set([value]))
  else set.add(value)
}

/** Removes the value, and its set if it becomes empty. Returns whether the value was present. */
const remove = <V>(sets: Map<string, Set<V>>, key: string, value: V): boolean => {
  const set = sets.get(key)
  const removed = set?.delete(value) === true
  if (set?.size === 0) sets.delete(key)
  return removed
}
