/** Services that decoding a section requires: secrets are read from variables and files, paths are resolved. */
import type { FileSystem, Path } from "effect"
import type { Environment } from "../platform/Environment.ts"

export type DecodeServices = Environment | FileSystem.FileSystem | Path.Path
