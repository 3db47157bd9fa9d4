/** Concurrency slots of a call: per principal, per principal and entry (share), per entry, in total. Nested calls inherit them. */
import { type Clock, Effect } from "effect"
import type { Call } from "../ledger/Calls.ts"
import type { Busy } from "./GuardError.ts"
import type { EntryLimits } from "./entryLimits.ts"
import { Slots, SlotsByKey, type SlotsOptions } from "./Slots.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

export interface SlotLimits {
  readonly principal: SlotsOptions
  readonly entry: EntryLimits["slots"]
  /** For all slots of a call together, in milliseconds. */
  readonly queueTimeout: number
}

const none: ReadonlyArray<Slots> = []

export class CallSlots {
  readonly total: Slots
  readonly #principals: SlotsByKey
  readonly #entries: SlotsByKey
  /** Slots of one principal within an entry. */
  readonly #shares: SlotsByKey
  /** Slots of running and queued calls, inherited ones included. Not a `Map`, see `TransientMap`. */
  readonly #held = new WeakMap<Call, ReadonlyArray<Slots>>()

  /** Tracks at most `max` principals and `max` entries; idle ones beyond that are evicted. */
  constructor(total: SlotsOptions, max: number) {
    this.total = new Slots(total)
    this.#principals = new SlotsByKey(max)
    this.#entries = new SlotsByKey(max)
    this.#shares = new SlotsByKey(max)
  }

  get waiting(): number {
    return this.#principals.waiting + this.#shares.waiting + this.#entries.waiting + this.total.waiting
  }

  /**
   * Runs `self` while it holds one slot each of the principal, the share, the entry and the total; runs `end` before they
   * are released.
   *
   * Narrow limits come first, so that a queued call takes no capacity from others: a principal at its share of a tool
   * waits for its own calls, and the rest of the tool stays free for other principals. A nested call takes only slots
   * that no ancestor holds: a turn that waits for its tools would otherwise occupy the slots that they need. A deadlock
   * is still possible, until the queue time-out, between two entries with concurrency limits whose handlers call each
   * other, and between a nested call and a call that holds its slot while it is queued for a total slot.
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
      const until = monotonicMillis(clock) + limits.queueTimeout
      const left = () => until - monotonicMillis(clock)
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

  /** Records the slots of the call and returns those that it must take. */
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

  /** The slots of the call, or of its nearest ancestor that has not ended. */
  #heldBy(call: Call): ReadonlyArray<Slots> {
    for (let each: Call | undefined = call; each !== undefined; each = each.parent) {
      const held = this.#held.get(each)
      if (held !== undefined) return held
    }
    return none
  }
}
