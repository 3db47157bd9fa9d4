/** What decoding a section may ask for: secrets are read from variables and files. */
import type { FileSystem } from "effect"
import type { Environment } from "../platform/Environment.ts"

export type Sources = Environment | FileSystem.FileSystem
