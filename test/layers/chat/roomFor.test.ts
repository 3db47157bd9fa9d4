/** Sums of conversations, and which of them make room. */
import { describe, expect, it, test } from "bun:test"
import fc from "fast-check"
import { ConversationSums, roomFor } from "../../../layers/chat/roomFor.ts"

interface State {
  readonly id: string
  readonly principal: string
  readonly bytes: number
  readonly updated: string
  readonly running: { readonly requestId: string; readonly seq: number } | undefined
}

const state = (id: string, more: Partial<State> = {}): State => ({
  id,
  principal: "ada",
  bytes: 10,
  updated: id,
  running: undefined,
  ...more
})
const running = { requestId: "r", seq: 1 }

const roomOf = (states: ReadonlyArray<State>, limits: Parameters<typeof roomFor>[1], id?: string) => {
  const sums = new ConversationSums()
  for (const each of states) sums.add(each)
  const isNew = !states.some((each) => each.id === id)
  return roomFor({ principal: "ada", id, isNew, sums, conversations: () => states }, limits)?.map(
    (victim) => victim.id
  )
}
const count = (principal: number, total: number) => ({
  max_conversations: { principal, total },
  max_bytes: { principal: 1000, total: 1000 }
})

describe("room for a conversation", () => {
  it("takes the oldest ones of the principal that do not run", () => {
    const own = [state("1", { running }), state("3"), state("2"), state("4", { principal: "bob" })]
    expect(roomOf(own, count(4, 5))).toEqual([])
    expect(roomOf(own, count(3, 5))).toEqual(["2"])
    expect(roomOf(own, count(2, 5))).toEqual(["2", "3"])
    expect(roomOf(own, count(1, 5))).toBeUndefined()
    expect(roomOf(own, count(3, 5), "2")).toEqual([])
  })

  it("takes those of all principals if there are too many in total", () => {
    const all = [state("2"), state("1", { principal: "bob" }), state("3")]
    expect(roomOf(all, count(3, 3))).toEqual(["1"])
    const limits = { ...count(9, 9), max_bytes: { principal: 1000, total: 30 } }
    expect(roomOf(all, limits)).toEqual(["1"])
  })
})

test("the sums are those of the conversations that were added and not removed", () => {
  const states = fc.array(
    fc.record({ principal: fc.constantFrom("ada", "bob"), bytes: fc.nat(100), stays: fc.boolean() })
  )
  fc.assert(
    fc.property(states, (list) => {
      const sums = new ConversationSums()
      const all = list.map(({ bytes, principal, stays }, index) => ({
        stays,
        state: state(String(index), { bytes, principal })
      }))
      for (const each of all) sums.add(each.state)
      for (const each of all) if (!each.stays) sums.remove(each.state)
      const left = all.filter(({ stays }) => stays).map((each) => each.state)
      const sumOf = (some: ReadonlyArray<State>) => ({
        count: some.length,
        bytes: some.reduce((sum, { bytes }) => sum + bytes, 0)
      })
      expect(sums.all).toEqual(sumOf(left))
      for (const name of ["ada", "bob"]) {
        expect(sums.of(name)).toEqual(sumOf(left.filter(({ principal }) => principal === name)))
      }
    })
  )
})
