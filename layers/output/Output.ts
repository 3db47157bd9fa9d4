/** The output folder of tools: atomic writes that never overwrite a file, and reads confined to the folder. */
import { Context, Effect, FileSystem, Layer, Path } from "effect"
import * as Hex from "effect/encoding/Hex"
import type { PlatformError } from "effect/PlatformError"
import type { Principal } from "../../src/domain/Principal.ts"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Ids } from "../platform/Ids.ts"
import { Quotas } from "../quotas/Quotas.ts"
import { Storage } from "../storage/Storage.ts"
import * as DiskUsage from "./diskUsage.ts"
import { fileName, fileNumber, type FileType } from "./fileTypes.ts"
import { safeName } from "./safeNames.ts"
import { OutputError } from "./OutputError.ts"
import { ownerFolder } from "./ownerFolder.ts"
import { section } from "./section.ts"

export interface Saved {
  /** Absolute path. */
  readonly path: string
  readonly uri: string
  readonly file: string
}

const scheme = "output://"
/** Maximum size of a file that can be read, in bytes. */
const maxReadBytes = 256 * 1024 * 1024
/** Maximum number of files in a project, and of names in a list. */
const maxFiles = 10_000

const setting = "content.output_dir"

const diskFull = /ENOSPC|EDQUOT/
const code = (error: PlatformError): string => {
  const { cause } = error.reason
  return cause instanceof Error && "code" in cause ? String(cause.code) : error.reason._tag
}

const outputError = (reason: OutputError["reason"], detail: string) => new OutputError({ reason, detail })

const unwritable = (path: string) => (error: PlatformError) =>
  outputError(
    "unwritable",
    diskFull.test(code(error))
      ? `disk full: cannot write ${path}. Free some space, or set ${setting} to a folder on another disk`
      : `cannot write ${path} (${code(error)}). Set ${setting} to a folder that this user can write`
  )

const link = (parts: ReadonlyArray<string>) => scheme + parts.map(encodeURIComponent).join("/")

export class Output extends Context.Service<
  Output,
  {
    /**
     * Writes `<client>/<project>/content.pptx`, or `content-2.pptx` and so on if that file exists, in the owner's folder
     * (see `ownerFolder`), or in the shared one if `content.shared` is set. Files of other types have other names.
     */
    readonly save: (
      owner: Principal,
      client: string,
      project: string,
      bytes: Uint8Array<ArrayBuffer>,
      type?: FileType
    ) => Effect.Effect<Saved, OutputError>
    /** Reads a file of the owner; `undefined` if it does not exist or a link leads out of the folder. */
    readonly read: (
      owner: Principal,
      client: string,
      project: string,
      file: string
    ) => Effect.Effect<Uint8Array | undefined>
    /** Lists the owner's clients, the projects of a client, or the files of a project. */
    readonly list: (
      owner: Principal,
      ...folders: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<string>>
  }
>()("manifold/output/Output") {
  static readonly layer = Layer.effect(
    Output,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const paths = yield* Path.Path
      const ids = yield* Ids
      const config = yield* ConfigSource
      const storage = yield* Storage
      // Read on first use; the section was validated at the start.
      const settings = Effect.orDie(config.read(section))
      const root = Effect.map(settings, ({ output_dir }) => paths.resolve(storage.dir, output_dir))
      const homeOf = (owner: Principal) =>
        Effect.map(settings, ({ shared }) => (shared ? [] : ownerFolder(owner)))

      const { output: quota } = yield* Quotas
      const usage = yield* DiskUsage.make({ quota, root })

      /** The real path, if no part of it is a link. */
      const inside = Effect.fnUntraced(function* (...parts: ReadonlyArray<string>) {
        const base = yield* fs.realPath(yield* root)
        const real = yield* fs.realPath(paths.join(base, ...parts))
        return real === paths.join(base, ...parts) ? real : undefined
      })

      /** Creates the folder. Each level is checked for links before the next one is created in it. */
      const enter = Effect.fnUntraced(function* (parts: ReadonlyArray<string>) {
        let real = yield* inside()
        for (const index of parts.keys()) {
          if (real === undefined) return undefined
          yield* fs.makeDirectory(paths.join(real, parts[index] ?? ""), { recursive: true })
          real = yield* inside(...parts.slice(0, index + 1))
        }
        return real
      })

      /** Links the complete file to the first free name; a concurrent call takes the next one. */
      const publish = Effect.fnUntraced(function* (draft: string, folder: string, type: FileType) {
        const taken = (yield* fs.readDirectory(folder)).map((name) => fileNumber(name) ?? 0)
        for (let number = Math.max(0, ...taken) + 1; number < maxFiles; number++) {
          const path = paths.join(folder, fileName(number, type))
          const done = yield* fs.link(draft, path).pipe(
            Effect.as(true),
            Effect.catchTag("PlatformError", (error) => {
              if (error.reason._tag === "AlreadyExists") return Effect.succeed(false)
              // File systems without hard links (FAT, some network shares): reserves the name, then moves the file.
              return fs.open(path, { flag: "wx" }).pipe(
                Effect.scoped,
                Effect.andThen(fs.rename(draft, path)),
                Effect.as(true),
                Effect.catchTag("PlatformError", (second) =>
                  second.reason._tag === "AlreadyExists" ? Effect.succeed(false) : Effect.fail(second)
                )
              )
            })
          )
          if (done) return path
        }
        return undefined
      })

      const write = Effect.fnUntraced(function* (
        folder: string,
        bytes: Uint8Array<ArrayBuffer>,
        type: FileType
      ) {
        const draft = paths.join(folder, `.content-${Hex.encode(yield* ids.secret(8))}.tmp`)
        const whole = Effect.scoped(
          Effect.flatMap(fs.open(draft, { flag: "wx" }), (opened) =>
            Effect.andThen(opened.writeAll(bytes), opened.sync)
          )
        )
        return yield* Effect.andThen(whole, Effect.uninterruptible(publish(draft, folder, type))).pipe(
          Effect.ensuring(Effect.ignore(fs.remove(draft)))
        )
      })

      const save = Effect.fn("Output.save")(function* (
        owner: Principal,
        client: string,
        project: string,
        bytes: Uint8Array<ArrayBuffer>,
        type: FileType = "pptx"
      ) {
        const [folder, subfolder] = [safeName(client), safeName(project)]
        if (folder === undefined || subfolder === undefined)
          return yield* outputError(
            "name",
            `${folder === undefined ? "client_name" : "project_name"} must contain a letter or digit, because it names a folder`
          )
        const parts = [folder, subfolder]
        const places = [...(yield* homeOf(owner)), ...parts]
        const wanted = paths.join(yield* root, ...places)
        const attempt = Effect.gen(function* () {
          yield* fs.makeDirectory(yield* root, { recursive: true })
          const real = yield* enter(places)
          return real === undefined ? {} : { path: yield* write(real, bytes, type) }
        }).pipe(Effect.mapError(unwritable(wanted)))
        const saved = yield* usage.within(owner.key, bytes.byteLength, attempt, ({ path }) =>
          path === undefined ? undefined : [...places, paths.basename(path)].join("/")
        )
        if (saved === undefined) {
          const { principal, total } = quota.limits
          return yield* outputError(
            "quota",
            `the output quota is used up: at most ${principal} bytes per principal and ${total} in total ` +
              "(quotas.output). Remove files that are no longer needed"
          )
        }
        const written = saved.path
        if (written === undefined)
          return yield* outputError(
            "unwritable",
            `${wanted} is a link, or contains too many files. Remove it, or choose another project_name`
          )
        const file = paths.basename(written)
        return { path: written, file, uri: link([...parts, file]) }
      })

      const read = Effect.fn("Output.read")(function* (
        owner: Principal,
        client: string,
        project: string,
        file: string
      ) {
        if (safeName(client) !== client || safeName(project) !== project || fileNumber(file) === undefined)
          return undefined
        return yield* Effect.gen(function* () {
          const path = yield* inside(...(yield* homeOf(owner)), client, project, file)
          if (path === undefined) return undefined
          const { size, type } = yield* fs.stat(path)
          return type === "File" && size <= maxReadBytes ? yield* fs.readFile(path) : undefined
        }).pipe(Effect.orElseSucceed(() => undefined))
      })

      const list = Effect.fnUntraced(function* (owner: Principal, ...folders: ReadonlyArray<string>) {
        if (folders.some((name) => safeName(name) !== name)) return []
        const names = yield* inside(...(yield* homeOf(owner)), ...folders).pipe(
          Effect.flatMap((path) => (path === undefined ? Effect.succeed([]) : fs.readDirectory(path))),
          Effect.orElseSucceed((): ReadonlyArray<string> => [])
        )
        const known =
          folders.length < 2
            ? (name: string) => safeName(name) === name
            : (name: string) => fileNumber(name) !== undefined
        return names.filter(known).slice(0, maxFiles).toSorted()
      })

      return Output.of({ save, read, list })
    })
  )
}
