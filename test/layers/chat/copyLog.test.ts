/** Copies of the log of conversations while other processes write. */
import { expect } from "bun:test"
import { Effect, Fiber } from "effect"
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { copyLog } from "../../../layers/chat/jsonl/copyLog.ts"
import { fileLock } from "../../../layers/platform/FileLock.ts"
import { stateFolder } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"

it.live("copies sealed segments without the lock, and again if they were changed meanwhile", () =>
  Effect.gen(function* () {
    const folder = yield* stateFolder
    const target = `${folder}/copy`
    mkdirSync(target)
    const write = (name: string, text: string) => writeFileSync(`${folder}/${name}`, text)
    write("events-000001.jsonl", "first\n")
    write("events-000002.jsonl", "second\n")
    write("events-000003.jsonl", "third\n")
    write("events.jsonl", "active\n")
    const lock = fileLock(`${folder}/events.lock`)
    expect(lock.tryLock()).toBe(true)
    const copying = yield* Effect.forkChild(copyLog(folder, target), { startImmediately: true })
    while (!existsSync(`${target}/events-000003.jsonl`)) yield* Effect.yieldNow
    expect(existsSync(`${target}/events.jsonl`)).toBe(false)
    write("new", "first, rewritten\n")
    renameSync(`${folder}/new`, `${folder}/events-000001.jsonl`)
    rmSync(`${folder}/events-000002.jsonl`)
    renameSync(`${folder}/events.jsonl`, `${folder}/events-000004.jsonl`)
    write("events.jsonl", "new active\n")
    lock.close()
    yield* Fiber.join(copying)
    const copy = (name: string) => readFileSync(`${target}/${name}`, "utf8")
    expect(copy("events-000001.jsonl")).toBe("first, rewritten\n")
    expect(existsSync(`${target}/events-000002.jsonl`)).toBe(false)
    expect(copy("events-000003.jsonl")).toBe("third\n")
    expect(copy("events-000004.jsonl")).toBe("active\n")
    expect(copy("events.jsonl")).toBe("new active\n")
  })
)

it.live("copies segments while there is no events.jsonl, as in the moment when it is sealed", () =>
  Effect.gen(function* () {
    const folder = yield* stateFolder
    const target = `${folder}/copy`
    mkdirSync(target)
    writeFileSync(`${folder}/events-000001.jsonl`, "sealed\n")
    yield* copyLog(folder, target)
    expect(readFileSync(`${target}/events-000001.jsonl`, "utf8")).toBe("sealed\n")
    expect(existsSync(`${target}/events.jsonl`)).toBe(false)
  })
)
