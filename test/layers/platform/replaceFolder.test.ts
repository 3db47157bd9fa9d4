/** Replacement of a folder's contents where the folder cannot be renamed. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { insideFolder, markName } from "../../../layers/platform/replaceFolder.ts"
import { stateFolder } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"

const folderWithDraft = Effect.map(stateFolder, (folder) => {
  const replacement = insideFolder(folder, 7)
  mkdirSync(`${folder}/lost+found`)
  mkdirSync(`${folder}/.before-restore-1`)
  mkdirSync(`${folder}/keys`)
  writeFileSync(`${folder}/keys/one`, "old")
  writeFileSync(`${folder}/gone`, "old")
  mkdirSync(`${replacement.draft}/keys`, { recursive: true })
  writeFileSync(`${replacement.draft}/keys/one`, "new")
  writeFileSync(`${replacement.draft}/${markName}`, "")
  return { folder, ...replacement }
})

it.live("moves the old contents aside and the new ones in place", () =>
  Effect.gen(function* () {
    const { aside, draft, folder, run } = yield* folderWithDraft
    expect(run(() => {})).toBe(true)
    expect(readFileSync(`${folder}/keys/one`, "utf8")).toBe("new")
    expect(readFileSync(`${aside}/keys/one`, "utf8")).toBe("old")
    expect(readdirSync(aside).toSorted()).toEqual(["gone", "keys"])
    // It shows a later restore that the draft may be removed.
    expect(readdirSync(draft)).toEqual([markName])
  })
)

it.live("moves everything back if a part cannot be moved", () =>
  Effect.gen(function* () {
    const { draft, folder, run } = yield* folderWithDraft
    // The name is taken by a folder that is kept.
    writeFileSync(`${draft}/lost+found`, "new")
    const before = readdirSync(folder).toSorted()
    expect(() => run(() => {})).toThrow()
    expect(readdirSync(folder).toSorted()).toEqual(before)
    expect(readFileSync(`${folder}/keys/one`, "utf8")).toBe("old")
    expect(readdirSync(draft).toSorted()).toEqual([markName, "keys", "lost+found"])
  })
)
