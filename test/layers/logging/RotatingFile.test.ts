/** The rotating log file: rotation by size, recreation after removal, and failures that do not stop the program. */
import { expect } from "bun:test"
import { Effect, FileSystem } from "effect"
import * as RotatingFile from "../../../layers/logging/RotatingFile.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { it } from "../../support/effect.ts"
import { capture, parse } from "./capture.ts"

const inFolder = <A, E, R>(body: (dir: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return yield* body(yield* fs.makeTempDirectoryScoped(), fs)
  }).pipe(Effect.provide(Platform.layer))

it.live("a full log file is rotated, and the configured number is kept", () =>
  inFolder((dir, fs) =>
    Effect.gen(function* () {
      const path = `${dir}/deep/manifold.log`
      const append = yield* RotatingFile.make({ path, maxBytes: 10, keep: 2 })
      for (const line of ["aaaa\n", "bbbb\n", "cccc\n", "dddd\n", "eeee\n", "ffff\n", "gggg\n"]) {
        yield* append(line)
      }
      expect((yield* fs.readDirectory(`${dir}/deep`)).toSorted()).toEqual([
        "manifold.log",
        "manifold.log.1",
        "manifold.log.2"
      ])
      expect(yield* fs.readFileString(path)).toBe("gggg\n")
      expect(yield* fs.readFileString(`${path}.1`)).toBe("eeee\nffff\n")
      expect(yield* fs.readFileString(`${path}.2`)).toBe("cccc\ndddd\n")
      expect((yield* fs.stat(path)).mode & 0o777).toBe(0o600)
    })
  )
)

it.live("a full log file is discarded if no rotated files are kept", () =>
  inFolder((dir, fs) =>
    Effect.gen(function* () {
      const append = yield* RotatingFile.make({ path: `${dir}/log`, maxBytes: 10, keep: 0 })
      for (const line of ["aaaaaaaa\n", "bbbbbbbb\n"]) yield* append(line)
      expect(yield* fs.readDirectory(dir)).toEqual(["log"])
      expect(yield* fs.readFileString(`${dir}/log`)).toBe("bbbbbbbb\n")
    })
  )
)

it.live("a log file that was removed or renamed is created again", () =>
  inFolder((dir, fs) =>
    Effect.gen(function* () {
      const path = `${dir}/log`
      const append = yield* RotatingFile.make({ path, maxBytes: 1000, keep: 2 })
      yield* append("a\n")
      yield* fs.remove(path)
      yield* append("b\n")
      yield* fs.rename(path, `${path}.1`)
      yield* append("c\n")
      expect([yield* fs.readFileString(path), yield* fs.readFileString(`${path}.1`)]).toEqual(["c\n", "b\n"])
    })
  )
)

it.live("a log file shared by processes has every line intact, even during rotation", () =>
  inFolder((dir, fs) =>
    Effect.gen(function* () {
      const path = `${dir}/log`
      const options = { path, maxBytes: 2000, keep: 100 }
      const appends = [yield* RotatingFile.make(options), yield* RotatingFile.make(options)]
      const lines = Array.from({ length: 200 }, (_, index) => `line ${index}`)
      for (const [index, line] of lines.entries()) {
        const append = appends[index % 2]
        if (append !== undefined) yield* append(`${line}\n`)
      }
      const files = yield* Effect.forEach(yield* fs.readDirectory(dir), (name) =>
        fs.readFileString(`${dir}/${name}`)
      )
      const found = files.join("").split("\n").slice(0, -1)
      expect(found.toSorted()).toEqual(lines.toSorted())
    })
  )
)

it.live("the log file has every line as JSON, even with a terminal, inside the state folder", () =>
  inFolder((dir, fs) =>
    Effect.gen(function* () {
      const { stderr } = yield* capture(Effect.log("hello", { password: "hunter2" }), {
        logging: { file: "logs/manifold.log" },
        storage: { dir },
        terminal: true
      })
      expect(stderr[0]).toContain("INFO  hello")
      const text = yield* fs.readFileString(`${dir}/logs/manifold.log`)
      expect(parse(text)).toMatchObject({ message: ["hello", { password: "<redacted>" }] })
    })
  )
)

it.live("a log file that cannot be written is reported once, and other outputs continue", () =>
  Effect.gen(function* () {
    const twice = Effect.andThen(Effect.log("one"), Effect.log("two"))
    const { stderr } = yield* capture(twice, { logging: { file: "/dev/full" } })
    const messages = stderr.map((line) => String(parse(line)["message"]))
    expect(messages.slice(0, 2)).toEqual(["one", "two"])
    expect(messages.filter((message) => message.includes("cannot write the log"))).toHaveLength(1)
  })
)
