/**
 * Files. What a start needs, reading a file whole and `stat`, goes through Bun; the rest is Node's interface, which takes
 * 3 to 12 ms to load, when it is first used.
 */
import type { Stats } from "node:fs"
import { ByteSize, Effect, FileSystem, Layer, Option, PlatformError, Stream } from "effect"

/** What the system's codes are called, as far as reading a file meets them. */
const tags: Readonly<Record<string, PlatformError.SystemErrorTag>> = {
  ENOENT: "NotFound",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  EISDIR: "BadResource",
  ENOTDIR: "BadResource",
  ELOOP: "BadResource",
  EBUSY: "Busy"
}

const codeOf = (cause: unknown) => (cause instanceof Error && "code" in cause ? String(cause.code) : "")

const attempt = <A>(method: string, path: string, run: (file: Bun.BunFile) => Promise<A>) =>
  Effect.tryPromise({
    try: () => run(Bun.file(path)),
    catch: (cause) =>
      PlatformError.systemError({
        _tag: tags[codeOf(cause)] ?? "Unknown",
        module: "FileSystem",
        method,
        pathOrDescriptor: path,
        cause
      })
  })

const readFile = (path: string) => attempt("readFile", path, (file) => file.bytes())

const typeOf = (stats: Stats): FileSystem.File.Type => {
  if (stats.isFile()) return "File"
  if (stats.isDirectory()) return "Directory"
  if (stats.isSocket()) return "Socket"
  if (stats.isFIFO()) return "FIFO"
  if (stats.isCharacterDevice()) return "CharacterDevice"
  return stats.isBlockDevice() ? "BlockDevice" : "Unknown"
}

const infoOf = (stats: Stats): FileSystem.File.Info => ({
  type: typeOf(stats),
  mtime: Option.some(stats.mtime),
  atime: Option.some(stats.atime),
  birthtime: Option.some(stats.birthtime),
  dev: BigInt(stats.dev),
  rdev: Option.some(BigInt(stats.rdev)),
  ino: Option.some(BigInt(stats.ino)),
  mode: stats.mode,
  nlink: Option.some(BigInt(stats.nlink)),
  uid: Option.some(stats.uid),
  gid: Option.some(stats.gid),
  size: ByteSize.bytes(stats.size),
  blksize: Option.some(ByteSize.bytes(stats.blksize)),
  blocks: Option.some(BigInt(stats.blocks))
})

const stat = (path: string) =>
  Effect.map(
    attempt("stat", path, (file) => file.stat()),
    infoOf
  )

const make = Effect.gen(function* () {
  const node = yield* Effect.cached(
    Effect.flatMap(
      Effect.promise(() => import("@effect/platform-node-shared/NodeFileSystem")),
      ({ layer }) => Effect.provide(FileSystem.FileSystem, layer)
    )
  )
  const later =
    <Args extends ReadonlyArray<unknown>, A, E, R>(
      pick: (files: FileSystem.FileSystem) => (...args: Args) => Effect.Effect<A, E, R>
    ) =>
    (...args: Args) =>
      Effect.flatMap(node, (files) => pick(files)(...args))

  return FileSystem.make({
    access: later((files) => files.access),
    copy: later((files) => files.copy),
    copyFile: later((files) => files.copyFile),
    chmod: later((files) => files.chmod),
    chown: later((files) => files.chown),
    link: later((files) => files.link),
    lstat: later((files) => files.lstat),
    makeDirectory: later((files) => files.makeDirectory),
    makeTempDirectory: later((files) => files.makeTempDirectory),
    makeTempDirectoryScoped: later((files) => files.makeTempDirectoryScoped),
    makeTempFile: later((files) => files.makeTempFile),
    makeTempFileScoped: later((files) => files.makeTempFileScoped),
    open: later((files) => files.open),
    readDirectory: later((files) => files.readDirectory),
    readDirectoryEntries: later((files) => files.readDirectoryEntries),
    readFile,
    readLink: later((files) => files.readLink),
    realPath: later((files) => files.realPath),
    remove: later((files) => files.remove),
    rename: later((files) => files.rename),
    stat,
    symlink: later((files) => files.symlink),
    truncate: later((files) => files.truncate),
    utimes: later((files) => files.utimes),
    watch: (path, options) => Stream.unwrap(Effect.map(node, (files) => files.watch(path, options))),
    writeFile: later((files) => files.writeFile)
  })
})

export const layer = Layer.effect(FileSystem.FileSystem, make)
