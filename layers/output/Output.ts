/** The output folder: files are written whole or not at all, never over another, and read from nowhere else. */
import { Context, Effect, FileSystem, Layer, Path } from "effect"
import * as Hex from "effect/encoding/Hex"
import type { PlatformError } from "effect/PlatformError"
import type { Principal } from "../../src/domain/Principal.ts"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Ids } from "../platform/Ids.ts"
import { Quotas } from "../quotas/Quotas.ts"
import { Storage } from "../storage/Storage.ts"
import * as DiskUsage from "./diskUsage.ts"
import { fileName, fileNumber, safeName } from "./safeNames.ts"
import { OutputError } from "./OutputError.ts"
import { ownerFolder } from "./ownerFolder.ts"
import { section } from "./section.ts"

export interface Saved {
  /** Absolute. */
  readonly path: string
  readonly uri: string
  readonly file: string
}

export const mimeType = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
const scheme = "output://"
/** What can be read of it: more than any deck is large. */
const mostBytes = 256 * 1024 * 1024
/** Files of one project, and folders in a list. */
const mostFiles = 10_000

const setting = "content.output_dir"

const full = /ENOSPC|EDQUOT/
const code = (error: PlatformError): string => {
  const { cause } = error.reason
  return cause instanceof Error && "code" in cause ? String(cause.code) : error.reason._tag
}

const outputError = (reason: OutputError["reason"], detail: string) => new OutputError({ reason, detail })

const unwritable = (path: string) => (error: PlatformError) =>
  outputError(
    "unwritable",
    full.test(code(error))
      ? `there is no room left for ${path}: free some, or set ${setting} to a folder elsewhere`
      : `cannot write ${path} (${code(error)}): set ${setting} to a folder that this user may write`
  )

const link = (parts: ReadonlyArray<string>) => scheme + parts.map(encodeURIComponent).join("/")

export class Output extends Context.Service<
  Output,
  {
    /**
     * Writes `<client>/<project>/content.pptx` in the owner's folder (see `ownerFolder`; the common one if
     * `content.shared` is set), or the next free `content-2.pptx` where that one exists.
     */
    readonly save: (
      owner: Principal,
      client: string,
      project: string,
      bytes: Uint8Array<ArrayBuffer>
    ) => Effect.Effect<Saved, OutputError>
    /** The owner's file of these names; `undefined` when there is none, or it lies elsewhere by a link. */
    readonly read: (
      owner: Principal,
      client: string,
      project: string,
      file: string
    ) => Effect.Effect<Uint8Array | undefined>
    /** Names of what the owner has: clients; projects of one; files of those. */
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
      // Read when first used; the section was checked at the start.
      const settings = Effect.orDie(config.read(section))
      const root = Effect.map(settings, ({ output_dir }) => paths.resolve(storage.dir, output_dir))
      const homeOf = (owner: Principal) =>
        Effect.map(settings, ({ shared }) => (shared ? [] : ownerFolder(owner)))

      const { output: quota } = yield* Quotas
      const usage = yield* DiskUsage.make({ quota, root })

      /** Where a path leads to, if it is the place that it says and not behind a link. */
      const inside = Effect.fnUntraced(function* (...parts: ReadonlyArray<string>) {
        const base = yield* fs.realPath(yield* root)
        const real = yield* fs.realPath(paths.join(base, ...parts))
        return real === paths.join(base, ...parts) ? real : undefined
      })

      /** The folder of these names, made where it is missing; each is looked at before anything is made in it. */
      const enter = Effect.fnUntraced(function* (parts: ReadonlyArray<string>) {
        let real = yield* inside()
        for (const index of parts.keys()) {
          if (real === undefined) return undefined
          yield* fs.makeDirectory(paths.join(real, parts[index] ?? ""), { recursive: true })
          real = yield* inside(...parts.slice(0, index + 1))
        }
        return real
      })

      /** Links a whole file to the first free name: another call at the same time takes the next. */
      const publish = Effect.fnUntraced(function* (draft: string, folder: string) {
        const taken = (yield* fs.readDirectory(folder)).map((name) => fileNumber(name) ?? 0)
        for (let number = Math.max(0, ...taken) + 1; number < mostFiles; number++) {
          const path = paths.join(folder, fileName(number))
          const done = yield* fs.link(draft, path).pipe(
            Effect.as(true),
            Effect.catchTag("PlatformError", (error) => {
              if (error.reason._tag === "AlreadyExists") return Effect.succeed(false)
              // File systems without links (FAT, some network shares): the name is taken first, then the file moved.
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

      const write = Effect.fnUntraced(function* (folder: string, bytes: Uint8Array<ArrayBuffer>) {
        const draft = paths.join(folder, `.content-${Hex.encode(yield* ids.secret(8))}.tmp`)
        const whole = Effect.scoped(
          Effect.flatMap(fs.open(draft, { flag: "wx" }), (opened) =>
            Effect.andThen(opened.writeAll(bytes), opened.sync)
          )
        )
        return yield* Effect.andThen(whole, Effect.uninterruptible(publish(draft, folder))).pipe(
          Effect.ensuring(Effect.ignore(fs.remove(draft)))
        )
      })

      const save = Effect.fn("Output.save")(function* (
        owner: Principal,
        client: string,
        project: string,
        bytes: Uint8Array<ArrayBuffer>
      ) {
        const [folder, subfolder] = [safeName(client), safeName(project)]
        if (folder === undefined || subfolder === undefined)
          return yield* outputError(
            "name",
            `${folder === undefined ? "client_name" : "project_name"} needs a letter or a digit: it names a folder`
          )
        const parts = [folder, subfolder]
        const places = [...(yield* homeOf(owner)), ...parts]
        const wanted = paths.join(yield* root, ...places)
        const attempt = Effect.gen(function* () {
          yield* fs.makeDirectory(yield* root, { recursive: true })
          const real = yield* enter(places)
          return real === undefined ? {} : { path: yield* write(real, bytes) }
        }).pipe(Effect.mapError(unwritable(wanted)))
        const saved = yield* usage.within(owner.key, bytes.byteLength, attempt, ({ path }) =>
          path === undefined ? undefined : [...places, paths.basename(path)].join("/")
        )
        if (saved === undefined) {
          const { principal, total } = quota.limits
          return yield* outputError(
            "quota",
            `the output folder is full: at most ${principal} bytes for one principal and ${total} in total ` +
              "(quotas.output). Remove files that are no longer needed"
          )
        }
        const written = saved.path
        if (written === undefined)
          return yield* outputError(
            "unwritable",
            `${wanted} leads elsewhere by a link, or is full of files: remove it, or choose another project_name`
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
          return type === "File" && size <= mostBytes ? yield* fs.readFile(path) : undefined
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
        return names.filter(known).slice(0, mostFiles).toSorted()
      })

      return Output.of({ save, read, list })
    })
  )
}
