/** Objects that come and go often, such as running requests: constant-time removal, and removed members are collected soon. */

/** `place`: index in the list; -1 outside of it. A member is in one list at a time. */
export interface Member {
  place: number
}

/** Instead of a `Set` of short-lived objects, for the reason in `TransientMap`. */
export class MemberList<A extends Member> {
  readonly #members: Array<A> = []

  get size(): number {
    return this.#members.length
  }

  add(member: A): void {
    member.place = this.#members.push(member) - 1
  }

  /** Nothing happens to an object that is no member. Another member takes its place. */
  remove(member: A): void {
    const { place } = member
    if (place === -1) return
    member.place = -1
    const last = this.#members.pop()
    if (last === undefined || last === member) return
    this.#members[place] = last
    last.place = place
  }

  /** A copy, in no particular order: members may be added and removed while it is read. */
  all(): ReadonlyArray<A> {
    return [...this.#members]
  }
}
