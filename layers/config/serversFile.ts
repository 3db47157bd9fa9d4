/** The file at `MCP_SERVERS_CONFIG_PATH`: a list of MCP servers as AI clients keep it, added to the section `mcpServers`. */
import { Effect, FileSystem, Predicate } from "effect"
import { Environment } from "../platform/Environment.ts"
import { describeFileError } from "../platform/describeFileError.ts"
import { ConfigInvalid } from "./ConfigInvalid.ts"
import type { ConfigDocument } from "./ConfigDocument.ts"
import { position } from "./ConfigText.ts"
import * as JsonText from "./JsonText.ts"
import { expandHome } from "./pathSettings.ts"

const variable = "MCP_SERVERS_CONFIG_PATH"
const key = "mcpServers"
const maxBytes = 1024 * 1024

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Predicate.isObject(value) && !Array.isArray(value)

const invalid = (source: string, message: string, path = "") =>
  new ConfigInvalid({ problems: [{ path, message, source }] })

/** The document with those servers; a server of the document takes precedence over one of the same name. */
export const withServersFile = Effect.fnUntraced(function* (document: ConfigDocument) {
  const written = (yield* Environment).get(variable) ?? ""
  if (written === "") return document
  const fs = yield* FileSystem.FileSystem
  const file = yield* Effect.mapError(expandHome(written), () =>
    invalid(variable, `${written}: write the path out`)
  )
  const bytes = yield* Effect.mapError(fs.readFile(file), ({ reason }) =>
    invalid(file, `the file cannot be read: ${describeFileError(reason)}; it is named by ${variable}`)
  )
  if (bytes.length > maxBytes) return yield* invalid(file, `larger than ${maxBytes} bytes`)
  const text = new TextDecoder().decode(bytes)
  const parsed = JsonText.parse(text)
  const [fault] = parsed.faults
  if (fault !== undefined) return yield* invalid(`${file}:${position(text, fault.offset)}`, fault.message)
  const found = isMap(parsed.value) && Object.hasOwn(parsed.value, key) ? parsed.value[key] : undefined
  if (!isMap(found)) return yield* invalid(file, "expected a map of servers", key)
  const own = Object.hasOwn(document.value, key) ? (document.value[key] ?? {}) : {}
  if (!isMap(own)) return document
  const source: ConfigDocument["source"] = (path, part) =>
    path[0] === key && path[1] !== undefined && !Object.hasOwn(own, path[1])
      ? `${file}:${position(text, parsed.locate(path, part))}`
      : document.source(path, part)
  return { ...document, value: { ...document.value, [key]: { ...found, ...own } }, source }
})
