/**
 * Effect's `FileSystem`: `readFile` and `stat`, which every start uses, go through Bun. The rest is Node's implementation,
 * loaded at first use because loading takes 3 to 12 ms.
 */
import type { Stats } from "node:fs"
import { ByteSize, Effect, FileSystem, Layer, Option, PlatformError, Stream } from "effect"

/** Error tags by system code, for errors of reading a file. */
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
  const lazily =
    <Args extends ReadonlyArray<unknown>, A, E, R>(
      pick: (files: FileSystem.FileSystem) => (...args: Args) => Effect.Effect<A, E, R>
    ) =>
    (...args: Args) =>
      Effect.flatMap(node, (files) => pick(files)(...args))

  return FileSystem.make({
    access: lazily((files) => files.access),
    copy: lazily((files) => files.copy),
    copyFile: lazily((files) => files.copyFile),
    chmod: lazily((files) => files.chmod),
    chown: lazily((files) => files.chown),
    link: lazily((files) => files.link),
    lstat: lazily((files) => files.lstat),
    makeDirectory: lazily((files) => files.makeDirectory),
    makeTempDirectory: lazily((files) => files.makeTempDirectory),
    makeTempDirectoryScoped: lazily((files) => files.makeTempDirectoryScoped),
    makeTempFile: lazily((files) => files.makeTempFile),
    makeTempFileScoped: lazily((files) => files.makeTempFileScoped),
    open: lazily((files) => files.open),
    readDirectory: lazily((files) => files.readDirectory),
    readDirectoryEntries: lazily((files) => files.readDirectoryEntries),
    readFile,
    readLink: lazily((files) => files.readLink),
    realPath: lazily((files) => files.realPath),
    remove: lazily((files) => files.remove),
    rename: lazily((files) => files.rename),
    stat,
    symlink: lazily((files) => files.symlink),
    truncate: lazily((files) => files.truncate),
    utimes: lazily((files) => files.utimes),
    watch: (path, options) => Stream.unwrap(Effect.map(node, (files) => files.watch(path, options))),
    writeFile: lazily((files) => files.writeFile)
  })
})

export const layer = Layer.effect(FileSystem.FileSystem, make)
