/** A state folder of a newer version: every command refuses it, says what to do, and changes nothing in it. */
import { expect, test } from "bun:test"
import { Effect, Schema } from "effect"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { filesIn } from "../../layers/platform/stateFiles.ts"
import { formats, formatsFile } from "../../layers/storage/formats.ts"
import { migrations } from "../../layers/storage/migrations.ts"
import { digestOf } from "../../layers/platform/stateFiles.ts"
import { it } from "../support/effect.ts"
import { startStdio } from "../support/stdio.ts"
import { home } from "../support/userHome.ts"

const state = ".local/state/manifold"

const Marker = Schema.fromJsonString(
  Schema.Struct({ written_by: Schema.String, formats: Schema.Record(Schema.String, Schema.Natural) })
)

/** Every file of the folder with its digest. */
const contents = (dir: string) =>
  Object.fromEntries(filesIn(dir).map((path) => [path, digestOf(`${dir}/${path}`).sha256]))

/** A home with a stored token, whose state folder has these versions of formats. */
const homeWith = Effect.fnUntraced(function* (versions: Readonly<Record<string, number>>) {
  const user = yield* home()
  expect((yield* user.run(["token", "create", "ci"])).code).toBe(0)
  const marker = { written_by: "9.0.0", formats: { ...formats, ...versions } }
  writeFileSync(user.path(`${state}/${formatsFile}`), JSON.stringify(marker))
  return { ...user, state: user.path(state) }
})

test("the version of the database is the number of migrations", () => {
  expect(formats.database).toBe(migrations.length as typeof formats.database)
})

it.live("the first write says with which versions the state is written", () =>
  Effect.gen(function* () {
    const { path, run } = yield* home()
    yield* run(["token", "create", "ci"])
    const marker = yield* Schema.decodeEffect(Marker)(readFileSync(path(`${state}/${formatsFile}`), "utf8"))
    expect(marker).toEqual({ written_by: expect.stringMatching(/^\d+\.\d+\.\d+$/), formats })
  })
)

/** Runs commands in a home whose state has a newer version of one format. */
const refusedBy = Effect.fnUntraced(function* (
  format: string,
  version: number,
  commands: ReadonlyArray<ReadonlyArray<string>>
) {
  const user = yield* homeWith({ [format]: version + 1 })
  const before = contents(user.state)
  for (const command of commands) {
    const { code, stderr, stdout } = yield* user.run(command)
    const shown = stdout + stderr
    expect([command, code]).toEqual([command, 1])
    expect(shown).toContain(`was written by manifold 9.0.0`)
    expect(shown).toContain(`${format} ${version + 1} (known: ${version === 0 ? "none" : version})`)
    expect(shown).toContain("manifold restore")
  }
  expect(contents(user.state)).toEqual(before)
})

for (const [format, version] of [...Object.entries(formats), ["schedules", 0] as const]) {
  it.live(`a newer version of ${format} prevents the start, and nothing is changed`, () =>
    refusedBy(format, version, [["serve", "--http", "--port", "0"]])
  )
}

it.live("other commands refuse a newer version, too, and change nothing", () =>
  refusedBy("keys", formats.keys, [
    ["call", "math.add", "--arg", "a=1", "--arg", "b=2"],
    ["token", "create", "later"],
    ["token", "list"],
    ["backup", "saved"],
    ["doctor"]
  ])
)

// Elsewhere several processes cannot share a port.
if (process.platform === "linux") {
  it.live("workers are not started again and again with the state of a newer version", () =>
    refusedBy("database", formats.database, [["serve", "--http", "--port", "0", "--workers", "2"]])
  )
}

it.live("a stdio server with the state of a newer version ends with the reason", () =>
  Effect.gen(function* () {
    const user = yield* homeWith({ conversations: 2 })
    const before = contents(user.state)
    const { child, send } = yield* startStdio(user.env)
    yield* send({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } }
    })
    expect(yield* Effect.promise(() => new Response(child.stderr).text())).toContain("manifold restore")
    expect(yield* Effect.promise(() => child.exited)).toBe(1)
    expect(contents(user.state)).toEqual(before)
  })
)

it.live("a backup of this version replaces the state of a newer one, which is kept aside", () =>
  Effect.gen(function* () {
    const user = yield* home()
    yield* user.run(["token", "create", "ci"])
    expect((yield* user.run(["backup", "saved"])).code).toBe(0)
    const marker = { written_by: "9.0.0", formats: { ...formats, keys: 2 } }
    writeFileSync(user.path(`${state}/${formatsFile}`), JSON.stringify(marker))
    expect((yield* user.run(["restore", "saved", "--yes"])).code).toBe(0)
    expect((yield* user.run(["token", "list"])).stdout).toContain("ci")
    const asides = readdirSync(user.path(".local/state")).filter((name) => name.includes("before-restore"))
    const aside = user.path(`.local/state/${asides[0]}/${formatsFile}`)
    expect(readFileSync(aside, "utf8")).toBe(JSON.stringify(marker))
  })
)

it.live("a damaged file of versions is reported, not replaced", () =>
  Effect.gen(function* () {
    const user = yield* homeWith({})
    writeFileSync(`${user.state}/${formatsFile}`, "{")
    const { code, stderr } = yield* user.run(["token", "create", "later"])
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${formatsFile} is damaged`)])
    expect(readFileSync(`${user.state}/${formatsFile}`, "utf8")).toBe("{")
  })
)

it.live("versions of an older program are raised at the first write", () =>
  Effect.gen(function* () {
    const user = yield* homeWith({ database: 1 })
    yield* user.run(["token", "create", "later"])
    const marker = yield* Schema.decodeEffect(Marker)(readFileSync(`${user.state}/${formatsFile}`, "utf8"))
    expect(marker.formats).toEqual(formats)
  })
)
