/** Stored lists of principals with their own account: apart from each other and from those of all callers, and bounded. */
import { expect } from "bun:test"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { Duration, Effect } from "effect"
import type { ServerSettings } from "../../../layers/upstream/section.ts"
import { ListStore } from "../../../src/upstreams/ListStore.ts"
import type { Known } from "../../../src/upstreams/storedText.ts"
import { nothing } from "../../../src/upstreams/lists.ts"
import { it } from "../../support/effect.ts"
import { storeIn } from "../../support/listStore.ts"
import { stateFolder } from "../../support/service.ts"

const settings: ServerSettings = {
  enabled: true,
  url: "https://own.example/mcp",
  time_limit: Duration.minutes(1)
}
const listing = (name: string): Known => ({
  lists: { ...nothing, tools: [{ name }] },
  pins: {},
  held: [name]
})
const toolsOf = (known: Known | undefined) => known?.lists.tools.map(({ name }) => name)

it.live("each principal finds its own lists only", () =>
  Effect.gen(function* () {
    const dir = yield* stateFolder
    yield* Effect.gen(function* () {
      const store = yield* ListStore
      yield* store.save("own", settings, listing("shared"))
      yield* store.ofPrincipal("one").save("own", settings, listing("of_one"))
      yield* store.ofPrincipal("two").save("other", settings, listing("of_two"))
    }).pipe(Effect.provide(storeIn(dir)))
    yield* Effect.gen(function* () {
      const store = yield* ListStore
      expect(toolsOf(yield* store.load("own", settings))).toEqual(["shared"])
      expect(toolsOf(yield* store.ofPrincipal("one").load("own", settings))).toEqual(["of_one"])
      expect(yield* store.ofPrincipal("two").load("own", settings)).toBeUndefined()
      const all = yield* Effect.forEach(yield* store.listers("own"), ({ load }) => load("own", settings))
      expect(all.map(toolsOf)).toEqual([["shared"], ["of_one"]])
    }).pipe(Effect.provide(storeIn(dir)))
  })
)

it.live("the lists of at most 256 principals are stored, and those of all callers stay", () =>
  Effect.gen(function* () {
    const dir = yield* stateFolder
    yield* Effect.gen(function* () {
      const store = yield* ListStore
      yield* store.save("own", settings, listing("shared"))
      for (let index = 0; index < 260; index++) {
        yield* store.ofPrincipal(`user-${index}`).save("own", settings, listing("own"))
      }
      const names = yield* Effect.promise(() => readdir(join(dir, "upstreams")))
      expect(names.length).toBe(257)
      expect(toolsOf(yield* store.load("own", settings))).toEqual(["shared"])
      expect(toolsOf(yield* store.ofPrincipal("user-259").load("own", settings))).toEqual(["own"])
    }).pipe(Effect.provide(storeIn(dir)))
  })
)

const tool = { name: "a", inputSchema: { type: "object" }, execution: {} }
const textIn = (dir: string) =>
  Effect.promise(async () => {
    const [name = ""] = await readdir(join(dir, "upstreams"))
    return Bun.file(join(dir, "upstreams", name))
  })
const loadFrom = (dir: string) =>
  Effect.flatMap(ListStore, (store) => store.load("own", settings)).pipe(Effect.provide(storeIn(dir)))
const saveTo = (dir: string, known: Known) =>
  Effect.flatMap(ListStore, (store) => store.save("own", settings, known)).pipe(Effect.provide(storeIn(dir)))

it.live("definitions that this version wrote need no validation, and others do", () =>
  Effect.gen(function* () {
    const dir = yield* stateFolder
    const known = {
      lists: { ...nothing, tools: [tool], instructions: "Use it." },
      pins: { a: "1" },
      held: []
    }
    yield* saveTo(dir, known)
    expect(yield* loadFrom(dir)).toEqual({ ...known, canPick: true })
    const file = yield* textIn(dir)
    const text = yield* Effect.promise(() => file.text())

    // As an earlier version wrote it.
    const { canPick: _canPick, sha256: _sha256, ...earlier } = JSON.parse(text)
    yield* Effect.promise(() => file.write(JSON.stringify(earlier)))
    expect(yield* loadFrom(dir)).toEqual({ ...known, canPick: false })

    // Changed by another program.
    yield* Effect.promise(() =>
      file.write(text.replace('"inputSchema":{"type":"object"}', '"inputSchema":[]'))
    )
    expect(yield* loadFrom(dir)).toMatchObject({ canPick: false })
    yield* Effect.promise(() => file.write(text.replace('"held":[]', '"held":"a"')))
    expect(yield* loadFrom(dir)).toBeUndefined()
    yield* Effect.promise(() => file.write(text.slice(0, -1)))
    expect(yield* loadFrom(dir)).toBeUndefined()
  })
)

it.live("malformed definitions are validated again", () =>
  Effect.gen(function* () {
    const dir = yield* stateFolder
    const known = { lists: { ...nothing, tools: [tool, { name: "b" }] }, pins: {}, held: [] }
    yield* saveTo(dir, known)
    expect(yield* loadFrom(dir)).toEqual({ ...known, canPick: false })
  })
)

it.live("lists that were read are not written again", () =>
  Effect.gen(function* () {
    const dir = yield* stateFolder
    const known = { lists: { ...nothing, tools: [tool] }, pins: {}, held: [] }
    yield* saveTo(dir, known)
    const file = yield* textIn(dir)
    const inode = () => Effect.promise(async () => (await file.stat()).ino)
    const before = yield* inode()
    yield* Effect.gen(function* () {
      const store = yield* ListStore
      const found = yield* store.load("own", settings)
      yield* store.save("own", settings, found ?? known)
      expect(yield* inode()).toBe(before)
      yield* store.save("own", settings, { ...known, held: ["a"] })
      expect(yield* inode()).not.toBe(before)
    }).pipe(Effect.provide(storeIn(dir)))
  })
)
