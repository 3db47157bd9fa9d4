/** Ids of proofs: accepted once while they are remembered, in a bounded number. */
import { expect, test } from "bun:test"
import { ReplayCache } from "../../../../layers/identity/oauth/ReplayCache.ts"

const cache = () => new ReplayCache({ window: 100, max: 5, maxPerOwner: 3 })

test("an id is accepted once per owner, and again after the window", () => {
  const ids = cache()
  expect(ids.use("a", "one", 0)).toBe("new")
  expect(ids.use("a", "one", 99)).toBe("replayed")
  expect(ids.use("a", "two", 99)).toBe("new")
  expect(ids.use("a", "one", 100)).toBe("new")
})

test("a full cache rejects ids until others expire, and one owner does not fill it", () => {
  const ids = cache()
  for (const id of ["a", "b", "c"]) expect(ids.use(id, "one", 0)).toBe("new")
  expect(ids.use("d", "one", 1)).toBe("full")
  expect(ids.use("a", "one", 1)).toBe("replayed")
  expect(ids.use("a", "two", 50)).toBe("new")
  expect(ids.use("b", "two", 50)).toBe("new")
  expect(ids.use("c", "two", 50)).toBe("full")
  expect(ids.use("a", "three", 50)).toBe("full")
  expect(ids.use("d", "one", 100)).toBe("new")
  expect(ids.use("a", "two", 100)).toBe("replayed")
})
