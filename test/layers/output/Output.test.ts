/** The output folder: no overwrites, no partial files, no access outside of it, one folder per principal. */
import { describe, expect } from "bun:test"
import { Effect, FileSystem, Layer, Path, PlatformError } from "effect"
import fc from "fast-check"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Output } from "../../../layers/output/Output.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { Quotas } from "../../../layers/quotas/Quotas.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { anonymousLoopback, Principal, stdioUser } from "../../../src/domain/Principal.ts"
import { it } from "../../support/effect.ts"

const output = (
  dir: string,
  platform: Layer.Layer<FileSystem.FileSystem | Path.Path> = Platform.layer,
  config: Record<string, unknown> = {},
  quotas: Layer.Layer<Quotas> = Quotas.layerOf()
) =>
  Layer.fresh(Output.layer).pipe(
    Layer.provide(quotas),
    Layer.provide(Layer.fresh(Storage.layer)),
    Layer.provide(ConfigSource.layerFrom({ storage: { dir }, ...config })),
    Layer.provide([Environment.layerTest({}), Ids.layer]),
    Layer.provideMerge(platform)
  )

const bytes = (text: string) => new TextEncoder().encode(text)
const save = (client: string, project: string, text: string) =>
  Effect.flatMap(Output, (service) => service.save(stdioUser, client, project, bytes(text)))
const read = (client: string, project: string, file: string) =>
  Effect.flatMap(Output, (service) =>
    Effect.map(service.read(stdioUser, client, project, file), (found) =>
      found === undefined ? undefined : new TextDecoder().decode(found)
    )
  )

const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped()).pipe(
  Effect.flatMap((dir) => Effect.flatMap(FileSystem.FileSystem, (fs) => fs.realPath(dir))),
  Effect.provide(Platform.layer)
)

const inTemporary = <A, E>(
  body: (dir: string) => Effect.Effect<A, E, Output | FileSystem.FileSystem | Path.Path>
) => Effect.flatMap(temporary, (dir) => Effect.provide(body(dir), output(dir)))

/** Relative paths of all files and folders. */
const tree = (dir: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readDirectory(dir, { recursive: true })).pipe(
    Effect.map((names) => names.toSorted())
  )

it.live(
  "a file is saved in the folder of its client and project, and a second one gets the next number",
  () =>
    inTemporary((dir) =>
      Effect.gen(function* () {
        const first = yield* save("Acme & Söhne", "Q3 2026", "one")
        expect(first).toEqual({
          path: `${dir}/output/Acme & Söhne/Q3 2026/content.pptx`,
          file: "content.pptx",
          uri: "output://Acme%20%26%20S%C3%B6hne/Q3%202026/content.pptx"
        })
        const second = yield* save("Acme & Söhne", "Q3 2026", "two")
        expect(second.file).toBe("content-2.pptx")
        expect(yield* read("Acme & Söhne", "Q3 2026", "content.pptx")).toBe("one")
        expect(yield* read("Acme & Söhne", "Q3 2026", "content-2.pptx")).toBe("two")
      })
    )
)

it.live("concurrent calls for one project all save their file, without temporary files left", () =>
  inTemporary((dir) =>
    Effect.gen(function* () {
      const saved = yield* Effect.all(
        Array.from({ length: 25 }, (_, index) => save("Acme", "Q3", `file ${index}`)),
        { concurrency: "unbounded" }
      )
      expect(new Set(saved.map(({ path }) => path)).size).toBe(25)
      const fs = yield* FileSystem.FileSystem
      for (const [index, { path }] of saved.entries())
        expect(yield* fs.readFileString(path)).toBe(`file ${index}`)
      expect(yield* fs.readDirectory(`${dir}/output/Acme/Q3`)).toHaveLength(25)
    })
  )
)

it.live("files with arbitrary names are saved inside the folder and can be read by their URI", () =>
  inTemporary((dir) =>
    Effect.gen(function* () {
      const bad = fc.constantFrom(
        "..",
        "/",
        "\\",
        "\u0000",
        "CON",
        "nul",
        " ",
        ".",
        "~",
        "\u202e",
        "\ud800",
        "%2e%2e",
        "A",
        "é"
      )
      const name = fc.oneof(
        fc.array(bad, { maxLength: 8 }).map((parts) => parts.join("")),
        fc.string({ unit: "binary", maxLength: 300 })
      )
      const fs = yield* FileSystem.FileSystem
      for (const [client, project] of fc.sample(fc.tuple(name, name), 150)) {
        const saved = yield* Effect.result(save(client, project, "text"))
        if (saved._tag === "Failure") {
          expect(saved.failure.reason).toBe("name")
          continue
        }
        const { path, uri } = saved.success
        expect(path.startsWith(`${dir}/output/`)).toBe(true)
        expect(yield* fs.realPath(path)).toBe(path)
        const parts = uri.slice("output://".length).split("/").map(decodeURIComponent)
        expect(parts).toHaveLength(3)
        expect(yield* read(parts[0] ?? "", parts[1] ?? "", parts[2] ?? "")).toBe("text")
      }
      expect(yield* fs.readDirectory(dir)).toEqual(["output"])
    })
  )
)

it.live("only saved files can be read: no other folder, no other file, no link target", () =>
  inTemporary((dir) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* save("Acme", "Q3", "one")
      yield* fs.writeFileString(`${dir}/content.pptx`, "outside")
      yield* fs.makeDirectory(`${dir}/secret/Q3`, { recursive: true })
      yield* fs.writeFileString(`${dir}/secret/Q3/content.pptx`, "secret")
      yield* fs.writeFileString(`${dir}/output/Acme/Q3/notes.txt`, "notes")
      yield* fs.symlink(`${dir}/content.pptx`, `${dir}/output/Acme/Q3/content-7.pptx`)
      yield* fs.symlink(`${dir}/secret`, `${dir}/output/Linked`)
      const cases = [
        ["..", "..", "content.pptx"],
        ["Acme", "..", "content.pptx"],
        ["Acme", "Q3", "../../../content.pptx"],
        ["Acme", "Q3", "notes.txt"],
        ["Acme", "Q3", "content-7.pptx"],
        ["Linked", "Q3", "content.pptx"],
        ["Acme", "Q4", "content.pptx"],
        ["", "", ""]
      ] as const
      for (const [client, project, file] of cases)
        expect([client, project, file, yield* read(client, project, file)]).toEqual([
          client,
          project,
          file,
          undefined
        ])
      for (const project of ["Q3", "Q4"]) {
        const refused = yield* Effect.flip(save("Linked", project, "two"))
        expect(refused.reason).toBe("unwritable")
      }
      expect(yield* tree(`${dir}/secret`)).toEqual(["Q3", "Q3/content.pptx"])
    })
  )
)

it.live("list returns clients, projects and files only", () =>
  inTemporary((dir) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const service = yield* Output
      expect(yield* service.list(stdioUser)).toEqual([])
      yield* save("Beta", "Q1", "one")
      yield* save("Acme", "Q3", "one")
      yield* fs.writeFileString(`${dir}/output/Acme/Q3/notes.txt`, "notes")
      expect(yield* service.list(stdioUser)).toEqual(["Acme", "Beta"])
      expect(yield* service.list(stdioUser, "Acme")).toEqual(["Q3"])
      expect(yield* service.list(stdioUser, "Acme", "Q3")).toEqual(["content.pptx"])
      expect(yield* service.list(stdioUser, "..")).toEqual([])
    })
  )
)

const failing = (method: string, code: string) =>
  PlatformError.systemError({
    _tag: "Unknown",
    module: "FileSystem",
    method,
    pathOrDescriptor: "",
    cause: Object.assign(new Error(code), { code })
  })

/** A file system whose writes fail with ENOSPC after two bytes. */
const fullDisk = Layer.effect(
  FileSystem.FileSystem,
  Effect.map(FileSystem.FileSystem, (fs) => ({
    ...fs,
    open: (...[path, options]: Parameters<typeof fs.open>) =>
      Effect.map(fs.open(path, options), (file) => ({
        ...file,
        [FileSystem.FileTypeId]: FileSystem.FileTypeId,
        writeAll: (data: Uint8Array) =>
          Effect.andThen(file.writeAll(data.subarray(0, 2)), Effect.fail(failing("writeAll", "ENOSPC"))),
        sync: file.sync
      }))
  }))
).pipe(Layer.provideMerge(Platform.layer))

it.live("a full disk is reported, without a partial file left", () =>
  Effect.gen(function* () {
    const dir = yield* temporary
    const error = yield* Effect.flip(save("Acme", "Q3", "text")).pipe(Effect.provide(output(dir, fullDisk)))
    expect(error.reason).toBe("unwritable")
    expect(error.message).toBe(
      `disk full: cannot write ${dir}/output/Acme/Q3. Free some space, or set content.output_dir to a folder on another disk`
    )
    expect(yield* tree(dir).pipe(Effect.provide(Platform.layer))).toEqual([
      "output",
      "output/Acme",
      "output/Acme/Q3"
    ])
  })
)

it.live("a folder that is not writable is reported with its setting", () =>
  Effect.gen(function* () {
    const dir = yield* temporary
    const fs = yield* FileSystem.FileSystem
    yield* fs.writeFileString(`${dir}/file`, "")
    const layer = output(dir, Platform.layer, { content: { output_dir: `${dir}/file/output` } })
    const error = yield* Effect.flip(save("Acme", "Q3", "text")).pipe(Effect.provide(layer))
    expect(error.reason).toBe("unwritable")
    expect(error.message).toBe(
      `cannot write ${dir}/file/output/Acme/Q3 (ENOTDIR). Set content.output_dir to a folder that this user can write`
    )
  }).pipe(Effect.provide(Platform.layer))
)

it.live("files are saved on a file system without hard links", () =>
  Effect.gen(function* () {
    const dir = yield* temporary
    const unlinked = Layer.effect(
      FileSystem.FileSystem,
      Effect.map(FileSystem.FileSystem, (fs) => ({
        ...fs,
        link: () => Effect.fail(failing("link", "EPERM"))
      }))
    ).pipe(Layer.provideMerge(Platform.layer))
    const files = yield* Effect.all([save("Acme", "Q3", "one"), save("Acme", "Q3", "two")]).pipe(
      Effect.provide(output(dir, unlinked))
    )
    expect(files.map(({ file }) => file)).toEqual(["content.pptx", "content-2.pptx"])
    expect(yield* tree(`${dir}/output/Acme/Q3`).pipe(Effect.provide(Platform.layer))).toEqual([
      "content-2.pptx",
      "content.pptx"
    ])
  })
)

describe("the files of a principal", () => {
  const token = (subject: string, source: Principal["source"] = "api-token") =>
    new Principal({ subject, clientId: subject, scopes: ["read"], ceiling: ["read"], source })
  const everything = (service: Output["Service"], owner: Principal) =>
    Effect.all([
      service.list(owner),
      service.list(owner, "Acme"),
      service.list(owner, "Acme", "Q3"),
      Effect.map(service.read(owner, "Acme", "Q3", "content.pptx"), (found) => found !== undefined)
    ])
  const nothing = [[], [], [], false] as const
  const one = [["Acme"], ["Q3"], ["content.pptx"], true] as const

  it.live("are not visible to other principals, even with similar names", () =>
    inTemporary(() =>
      Effect.gen(function* () {
        const service = yield* Output
        const owner = token("team-a")
        const saved = yield* service.save(owner, "Acme", "Q3", bytes("mine"))
        expect(saved.uri).toBe("output://Acme/Q3/content.pptx")
        expect(yield* everything(service, owner)).toEqual([...one])
        const others = [
          token("team-b"),
          token("Team-A"),
          token("team-a."),
          token("team-a", "oauth"),
          token("../team-a"),
          stdioUser,
          anonymousLoopback
        ]
        for (const other of others) expect(yield* everything(service, other)).toEqual([...nothing])
        // The name of the owner's folder does not give access either.
        const [folder = ""] = /~[^/]+/.exec(saved.path) ?? []
        expect(yield* service.list(stdioUser, folder)).toEqual([])
        const second = yield* service.save(token("team-b"), "Acme", "Q3", bytes("another"))
        expect(second.file).toBe("content.pptx")
      })
    )
  )

  it.live("are shared between the stdio user and anonymous loopback callers", () =>
    inTemporary((dir) =>
      Effect.gen(function* () {
        const service = yield* Output
        const { path } = yield* service.save(stdioUser, "Acme", "Q3", bytes("ours"))
        expect(path).toBe(`${dir}/output/Acme/Q3/content.pptx`)
        expect(yield* everything(service, anonymousLoopback)).toEqual([...one])
      })
    )
  )

  it.live("are visible to every principal if content.shared is set", () =>
    Effect.flatMap(temporary, (dir) =>
      Effect.gen(function* () {
        const service = yield* Output
        yield* service.save(token("team-a"), "Acme", "Q3", bytes("ours"))
        for (const other of [token("team-b"), stdioUser])
          expect(yield* everything(service, other)).toEqual([...one])
      }).pipe(Effect.provide(output(dir, Platform.layer, { content: { shared: true } })))
    )
  )
})
