/** Changes the section `mcpServers` of the configuration file; comments and all other lines stay as they are. */
import { Effect, FileSystem, Option, Path } from "effect"
import * as ClientFile from "../../../layers/clients/ClientFile.ts"
import * as jsonc from "../../../layers/clients/jsonc.ts"
import * as ConfigDocument from "../../../layers/config/ConfigDocument.ts"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { editYaml } from "../../../layers/config/editYaml.ts"
import { section } from "../../../layers/upstream/section.ts"
import { UsageError } from "../UsageError.ts"

export type Entry = Readonly<Record<string, unknown>>

const key = section.name

const orEmpty = (value: unknown): Entry =>
  typeof value === "object" && value !== null ? (value as Entry) : {}

/** The current state of the file to change. */
export const open = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { file, value } = yield* ConfigDocument.load
  const path = file ?? (yield* ConfigDocument.usualFile)
  if (path === undefined) {
    return yield* new UsageError({
      detail: "There is no configuration file to change. Name one with --config"
    })
  }
  const bytes = Option.getOrUndefined(yield* Effect.option(fs.readFile(path)))
  const target = yield* Effect.orElseSucceed(fs.realPath(path), () => path)
  const text = bytes === undefined ? "" : new TextDecoder().decode(bytes)
  return {
    path: (yield* Path.Path).resolve(path),
    target,
    bytes,
    text,
    marked: false,
    servers: orEmpty(value[key])
  }
})
type Opened = Effect.Success<typeof open>

const edit = Effect.fnUntraced(function* (
  file: Opened,
  text: string,
  name: string,
  entry: Entry | undefined
) {
  if (!file.path.toLowerCase().endsWith(".json")) return yield* editYaml(text, key, name, entry)
  const { put, remove } = yield* Effect.promise(jsonc.load)
  const json = text.trim() === "" ? "{}\n" : text
  return entry === undefined ? remove(json, [key, name]) : put(json, [key, name], entry)
})

/** Sets and removes (`undefined`) entries. Fails with `ConfigInvalid` and changes nothing if the section would be invalid. */
export const change = Effect.fnUntraced(function* (
  file: Opened,
  entries: Readonly<Record<string, Entry | undefined>>
) {
  let text = file.text
  for (const [name, entry] of Object.entries(entries)) text = yield* edit(file, text, name, entry)
  const wanted = Object.fromEntries(
    Object.entries({ ...file.servers, ...entries }).filter(([, entry]) => entry !== undefined)
  )
  yield* Effect.flatMap(ConfigSource, (config) => config.read(section)).pipe(
    Effect.provide(ConfigSource.layerValue({ [key]: wanted }))
  )
  if (text === file.text) return undefined
  return yield* ClientFile.write(file, text)
})
