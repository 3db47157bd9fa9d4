/** The platform services together on the real machine. */
import { expect } from "bun:test"
import { Effect, FileSystem, Layer, Path, Stdio, Terminal } from "effect"
import { UserDirectories } from "effect/persistence"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import * as Interactive from "../../../layers/platform/cliPlatform.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { it } from "../../support/effect.ts"

it.live("files, paths, child processes, arguments, terminal and user folders are available", () =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const file = path.join(yield* files.makeTempDirectoryScoped(), "x.txt")
    yield* files.writeFileString(file, "hello")
    const children = yield* ChildProcessSpawner.ChildProcessSpawner
    const read = `process.stdout.write(await Bun.file(${JSON.stringify(file)}).text())`
    expect(yield* children.string(ChildProcess.make(process.execPath, ["-e", read]))).toBe("hello")
    expect(yield* (yield* Stdio.Stdio).args).toEqual(process.argv.slice(2))
    expect(yield* (yield* Terminal.Terminal).columns).toBeGreaterThanOrEqual(0)
    const directories = yield* UserDirectories.UserDirectories
    expect(path.isAbsolute(yield* directories.state("manifold"))).toBe(true)
  }).pipe(Effect.provide(Layer.provideMerge(Interactive.layer, Platform.layer)))
)
