/** The queue of a response's parts: order, slow readers, and its end. */
import { describe, expect, it } from "bun:test"
import { Cause, Effect, Exit } from "effect"
import { ModelError } from "../../../layers/models/ModelError.ts"
import { PartQueue } from "../../../layers/models/PartQueue.ts"

const part = (delta: string) => ({ type: "text-delta", id: "t", delta }) as const
const parts = (count: number) => Array.from({ length: count }, (_, index) => part(String(index)))

describe("parts of a response", () => {
  it("reach a reader that waits before the call returns", () => {
    const queue = new PartQueue()
    const fiber = Effect.runFork(queue.pull)
    expect(fiber.pollUnsafe()).toBeUndefined()
    expect(queue.offer([part("a"), part("b")])).toBeUndefined()
    expect(fiber.pollUnsafe()).toEqual(Exit.succeed([part("a"), part("b")]))
  })

  it("are kept in order for a reader that comes later", () => {
    const queue = new PartQueue()
    queue.offer([part("a")])
    queue.offer([])
    queue.offer([part("b")])
    expect(Effect.runSync(queue.pull)).toEqual([part("a"), part("b")])
  })

  it("wait for a slow reader", async () => {
    const queue = new PartQueue()
    expect(queue.offer(parts(256))).toBeUndefined()
    const room = queue.offer([part("more")])
    expect(Bun.peek.status(room ?? Promise.resolve())).toBe("pending")
    expect(Effect.runSync(queue.pull)).toHaveLength(257)
    await room
    expect(queue.offer([part("next")])).toBeUndefined()
  })

  it("come before the end of the response", () => {
    const queue = new PartQueue()
    queue.offer([part("a")])
    queue.end(Exit.void)
    expect(Effect.runSync(queue.pull)).toEqual([part("a")])
    expect(Effect.runSyncExit(queue.pull)).toEqual(Exit.fail(Cause.Done()))
  })

  it("end with the failure of the call, for a reader that waits too", () => {
    const failure = new ModelError({ reason: "network", provider: "local", detail: "cut" })
    const queue = new PartQueue()
    const fiber = Effect.runFork(queue.pull)
    queue.end(Exit.fail(failure))
    expect(fiber.pollUnsafe()).toEqual(Exit.fail(failure))
    expect(Effect.runSyncExit(queue.pull)).toEqual(Exit.fail(failure))
  })

  it("do not keep an adapter waiting once the reader has left", async () => {
    const queue = new PartQueue()
    const room = queue.offer(parts(300))
    queue.end(Exit.interrupt())
    await room
    expect(queue.offer([part("late")])).toBeUndefined()
  })
})
