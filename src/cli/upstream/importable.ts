/** Converts a server entry of an AI client to one of the configuration, or explains why it cannot. */
import type { Entry } from "./editConfig.ts"

export type Importable = { readonly name: string; readonly entry: Entry } | { readonly reason: string }

const isObject = (value: unknown): value is Entry =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** `${env:NAME}` as clients write it; as a whole value it is a reference that the configuration has as well. */
const toReference = (value: unknown): unknown => {
  const [, name] = typeof value === "string" ? (/^\$\{(?:env:)?([A-Za-z_]\w*)\}$/.exec(value) ?? []) : []
  return name === undefined ? value : `env:${name}`
}

const references = (value: unknown): Entry | undefined =>
  isObject(value) && Object.keys(value).length > 0
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toReference(each)]))
    : undefined

/** Names of entries are prefixes of tool names. */
const toName = (name: string) =>
  name
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^[-_]+/, "")
    .slice(0, 32)

const types: Readonly<Record<string, string>> = { http: "http", "streamable-http": "http", sse: "sse" }

export const importable = (name: string, value: unknown, taken: boolean): Importable => {
  if (taken) return { reason: "the configuration has a server of that name" }
  if (!isObject(value)) return { reason: "its entry is not an object" }
  const { args, command, cwd, disabled, type, url } = value
  if (name === "manifold") return { reason: "it is manifold itself" }
  const served = toName(name)
  if (served === "") return { reason: "its name has no letter or digit" }
  const [env, headers] = [references(value.env), references(value.headers)]
  const entry: Entry = {
    ...(disabled === true && { enabled: false }),
    ...(typeof command === "string" && { command }),
    ...(Array.isArray(args) && args.length > 0 && { args }),
    ...(typeof cwd === "string" && { cwd }),
    ...(env !== undefined && { env }),
    ...(typeof url === "string" && { url }),
    ...(typeof url === "string" && typeof type === "string" && types[type] && { type: types[type] }),
    ...(headers !== undefined && { headers })
  }
  if (entry.command === undefined && entry.url === undefined)
    return { reason: "it has neither command nor url" }
  const placeholder = /\$\{[^}]*\}/.exec(JSON.stringify(entry))
  if (placeholder !== null)
    return { reason: `only the client can resolve ${placeholder[0]}: write the value instead` }
  return { name: served, entry }
}
