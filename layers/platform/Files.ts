/** Files. Reading one whole goes through Bun; the rest is Node's interface, which takes 3 ms to load, when it is first used. */
import { Effect, FileSystem, Layer, PlatformError, Stream } from "effect"

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

const readFile = (path: string) =>
  Effect.tryPromise({
    try: () => Bun.file(path).bytes(),
    catch: (cause) =>
      PlatformError.systemError({
        _tag: tags[codeOf(cause)] ?? "Unknown",
        module: "FileSystem",
        method: "readFile",
        pathOrDescriptor: path,
        cause
      })
  })

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
    stat: later((files) => files.stat),
    symlink: later((files) => files.symlink),
    truncate: later((files) => files.truncate),
    utimes: later((files) => files.utimes),
    watch: (path, options) => Stream.unwrap(Effect.map(node, (files) => files.watch(path, options))),
    writeFile: later((files) => files.writeFile)
  })
})

export const layer = Layer.effect(FileSystem.FileSystem, make)
