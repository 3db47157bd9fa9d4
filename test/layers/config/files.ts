/** A configuration from files that exist only in the test. */
import { ByteSize, Effect, FileSystem, Layer, Option, Path, PlatformError } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Environment } from "../../../layers/platform/Environment.ts"

export interface Given {
  readonly files?: Readonly<Record<string, string | Uint8Array>>
  readonly env?: Readonly<Record<string, string>>
}

const info = (size: number): FileSystem.File.Info => ({
  type: "File",
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0n,
  ino: Option.none(),
  mode: 0o600,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  size: ByteSize.bytes(size),
  blksize: Option.none(),
  blocks: Option.none()
})

/** The user's configuration file, called `manifold.yaml` in tests. */
const usual = "/u/manifold/manifold.yaml"

/** The files of `given`, which a test may change later. */
export const filesOnly = (files: Readonly<Record<string, string | Uint8Array>>) => {
  const read = (written: string) => {
    const path = written === usual ? "manifold.yaml" : written
    const content = Object.hasOwn(files, path) ? files[path] : undefined
    if (content !== undefined) return Effect.succeed(content)
    return Effect.fail(
      PlatformError.systemError({
        _tag: "NotFound",
        module: "FileSystem",
        method: "readFile",
        pathOrDescriptor: path
      })
    )
  }
  return FileSystem.layerNoop({
    stat: (path) => Effect.map(read(path), ({ length }) => info(length)),
    readFile: (path) =>
      Effect.map(read(path), (content) =>
        typeof content === "string" ? new TextEncoder().encode(content) : content
      ),
    readFileString: (path) =>
      Effect.map(read(path), (content) =>
        typeof content === "string" ? content : new TextDecoder().decode(content)
      )
  })
}

export const given = ({ env = {}, files = {} }: Given) =>
  ConfigSource.layer.pipe(
    Layer.provide([
      filesOnly(files),
      Environment.layerTest({ HOME: "/home/user", XDG_CONFIG_HOME: "/u", ...env }),
      Path.layer
    ])
  )
