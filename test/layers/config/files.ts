/** A configuration read from files that exist only in the test. */
import { Effect, FileSystem, Layer, PlatformError } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Environment } from "../../../layers/platform/Environment.ts"

export interface Given {
  readonly files?: Readonly<Record<string, string | Uint8Array>>
  readonly env?: Readonly<Record<string, string>>
}

export const given = ({ env = {}, files = {} }: Given) => {
  const read = (path: string) => {
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
  const fs = FileSystem.layerNoop({
    readFile: (path) =>
      Effect.map(read(path), (content) =>
        typeof content === "string" ? new TextEncoder().encode(content) : content
      ),
    readFileString: (path) =>
      Effect.map(read(path), (content) =>
        typeof content === "string" ? content : new TextDecoder().decode(content)
      )
  })
  return ConfigSource.layer.pipe(Layer.provide([fs, Environment.layerTest(env)]))
}
