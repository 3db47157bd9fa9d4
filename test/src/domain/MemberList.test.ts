import { describe, expect, test } from "bun:test"
import { edenGC, fullGC, heapStats } from "bun:jsc"
import { type Member, MemberList } from "../../../src/domain/MemberList.ts"

class Running implements Member {
  place = -1
  readonly name: number
  constructor(name: number) {
    this.name = name
  }
}

const namesOf = (list: MemberList<Running>) =>
  list
    .all()
    .map(({ name }) => name)
    .toSorted((a, b) => a - b)

describe("MemberList", () => {
  test("has what was added and not removed, in whatever order members leave", () => {
    const list = new MemberList<Running>()
    const members = Array.from({ length: 5 }, (_, name) => new Running(name))
    for (const member of members) list.add(member)
    const [first, second, , , last] = members
    for (const member of [second, last, first]) if (member !== undefined) list.remove(member)
    expect(namesOf(list)).toEqual([2, 3])
    expect(list.size).toBe(2)
  })

  test("ignores an object that is not, or no longer, a member", () => {
    const list = new MemberList<Running>()
    const [kept, removed] = [new Running(1), new Running(2)]
    list.add(removed)
    list.add(kept)
    list.remove(removed)
    list.remove(removed)
    list.remove(new Running(3))
    expect(namesOf(list)).toEqual([1])
  })

  test("can be changed while its members are read", () => {
    const list = new MemberList<Running>()
    for (let name = 0; name < 4; name++) list.add(new Running(name))
    const read: Array<number> = []
    for (const member of list.all()) {
      read.push(member.name)
      list.remove(member)
    }
    expect(read.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3])
    expect(list.size).toBe(0)
  })

  test("removed members are collected by collections of young objects", () => {
    const count = () => heapStats().objectTypeCounts["Object"] ?? 0
    const list = new MemberList<Running>()
    const running: Array<Running> = []
    fullGC()
    const before = count()
    for (let name = 0; name < 20_000; name++) {
      const member = new Running(name)
      list.add(member)
      running.push(member)
      const oldest = running.length > 32 ? running.shift() : undefined
      if (oldest !== undefined) list.remove(oldest)
      if (name % 2000 === 1999) edenGC()
    }
    // In a `Set` it would be most of the 20,000. Those that run at a collection are old from then on.
    expect(count() - before).toBeLessThan(2000)
    expect(list.size).toBe(32)
  })
})
