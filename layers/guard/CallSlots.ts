/** The slots that a call runs in: its principal's, its share of its entry's, its entry's, a total one. Nested calls inherit. */
import { type Clock, Effect } from "effect"
import type { Call } from "../ledger/Calls.ts"
import type { Busy } from "./GuardError.ts"
import type { EntryLimits } from "./entryLimits.ts"
import { Slots, SlotsByKey, type SlotsOptions } from "./Slots.ts"

export interface SlotLimits {
  readonly principal: SlotsOptions
  readonly entry: EntryLimits["slots"]
  /** How long a call may be queued for all of its slots together, in milliseconds. */
  readonly queueTimeout: number
}

const none: ReadonlyArray<Slots> = []

export class CallSlots {
  readonly total: Slots
  readonly #principals: SlotsByKey
  readonly #entries: SlotsByKey
  /** What each principal has of an entry's slots. */
  readonly #shares: SlotsByKey
  /** The slots of calls that run or are queued, with those that they inherit. */
  readonly #held = new Map<Call, ReadonlyArray<Slots>>()

  /** Remembers `most` principals, and as many entries; idle ones beyond that are forgotten. */
  constructor(total: SlotsOptions, most: number) {
    this.total = new Slots(total)
    this.#principals = new SlotsByKey(most)
    this.#entries = new SlotsByKey(most)
    this.#shares = new SlotsByKey(most)
  }

  get waiting(): number {
    return this.#principals.waiting + this.#shares.waiting + this.#entries.waiting + this.total.waiting
  }

  /**
   * Runs `self` in a slot of the principal, of its share of the entry, of the entry and of the total, and `end` before they
   * are released.
   *
   * They are taken in this order, so that a call that is queued for a narrow limit takes nothing from others: who has its
   * share of a tool waits for its own calls to end, and the rest of the tool is there for other principals. A nested
   * call takes only what no ancestor holds: a turn that waits for its tools would otherwise occupy the slots that they
   * wait for. Two entries with concurrency limits whose handlers call each other can still wait for each other, until
   * their queue time-outs; so can a nested call and one that waits for a total slot in the slot that it needs.
   */
  run<A, E, R>(
    call: Call,
    limits: SlotLimits,
    clock: Clock.Clock,
    self: Effect.Effect<A, E, R>,
    end: () => Effect.Effect<void> | undefined
  ): Effect.Effect<A, E | Busy, R> {
    let wanted = none
    let taken = 0
    const enter = Effect.suspend(() => {
      wanted = this.#enter(call, limits)
      while (wanted[taken]?.takeUnsafe() === true) taken++
      if (taken === wanted.length) return self
      const until = clock.currentTimeMillisUnsafe() + limits.queueTimeout
      const left = () => until - clock.currentTimeMillisUnsafe()
      return wanted
        .slice(taken)
        .reduceRight<Effect.Effect<A, E | Busy, R>>(
          (inner, slots) => slots.hold(call.name, left, inner),
          self
        )
    })
    const leave = () => {
      this.#held.delete(call)
      for (let index = 0; index < taken; index++) wanted[index]?.release()
    }
    return Effect.onExitPrimitive(enter, () => {
      const ending = end()
      if (ending !== undefined) return Effect.ensuring(ending, Effect.sync(leave))
      leave()
      return undefined
    })
  }

  /** The slots that the call must take, and notes what it will hold. */
  #enter(call: Call, { entry, principal }: SlotLimits): ReadonlyArray<Slots> {
    const { key } = call.principal
    const own = this.#principals.of(key, principal)
    const all =
      entry === undefined
        ? [own, this.total]
        : [own, ...this.#ofEntry(entry.dependency ?? call.name, entry, key), this.total]
    const inherited = call.parent === undefined ? none : this.#heldBy(call.parent)
    if (inherited.length === 0) {
      this.#held.set(call, all)
      return all
    }
    const wanted = all.filter((slots) => !inherited.includes(slots))
    this.#held.set(call, [...inherited, ...wanted])
    return wanted
  }

  #ofEntry(name: string, { options, share }: NonNullable<EntryLimits["slots"]>, key: string) {
    const entry = this.#entries.of(name, options)
    return share === undefined ? [entry] : [this.#shares.of(`${name}\n${key}`, share), entry]
  }

  /** What the call holds, or its next ancestor that has not ended. */
  #heldBy(call: Call): ReadonlyArray<Slots> {
    for (let at: Call | undefined = call; at !== undefined; at = at.parent) {
      const held = this.#held.get(at)
      if (held !== undefined) return held
    }
    return none
  }
}
