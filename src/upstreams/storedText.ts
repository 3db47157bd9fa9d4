/**
 * Text of the stored lists of a server. It begins with a hash of the rest, which shows that this version of the program wrote
 * it: then it is parsed without validation, which takes much longer than to parse it.
 */
import { Effect, Schema } from "effect"
import { sha256Hex } from "../../layers/platform/digest.ts"
import { program } from "../domain/version.ts"
import { canPick } from "./definitions.ts"
import type { Lists } from "./lists.ts"

const Items = Schema.Array(Schema.Record(Schema.String, Schema.Unknown))
const Stored = Schema.Struct({
  /** Hash of the settings that affect the server's lists. */
  settings: Schema.String,
  lists: Schema.Struct({
    tools: Items,
    prompts: Items,
    resources: Items,
    templates: Items,
    instructions: Schema.optionalKey(Schema.String)
  }),
  /** Hash of the accepted definition of each tool, by the server's own name. */
  pins: Schema.Record(Schema.String, Schema.String),
  /** Tools that are held back, because their definition differs from the pin. */
  held: Schema.Array(Schema.String)
})
type Stored = typeof Stored.Type
const decode = Schema.decodeEffect(Schema.fromJsonString(Stored))

/** Stored state of one server. */
export interface Known {
  readonly lists: Lists
  readonly pins: Readonly<Record<string, string>>
  readonly held: ReadonlyArray<string>
  /** Whether `pickers` may read the definitions. Default: false. */
  readonly canPick?: boolean
}

/** The hash of a text depends on the version, because each version has its own rules for definitions. */
const hashOf = (json: string, picked: boolean) => sha256Hex(`${program.version} ${picked} ${json}`)

export const toJson = (settings: string, { held, lists, pins }: Known): string => {
  const { instructions, ...items } = lists
  const stored: Stored = {
    settings,
    lists: { ...items, ...(instructions !== undefined && { instructions }) },
    pins,
    held
  }
  return JSON.stringify(stored)
}

/** The JSON with a hash in front, which is JSON as well. */
export const toText = (json: string, { lists }: Known): string => {
  const picked = canPick(lists)
  return `{"sha256":"${hashOf(json, picked)}","canPick":${picked},${json.slice(1)}`
}

const signed = /^\{"sha256":"([0-9a-f]{64})","canPick":(true|false),/

/** The stored state, and its JSON if this version of the program wrote it. Fails for other texts that are malformed. */
export const fromText = (text: string) => {
  const [start = "", hash, picked] = signed.exec(text) ?? []
  const json = `{${text.slice(start.length)}`
  return hash !== undefined && hash === hashOf(json, picked === "true")
    ? // The hash shows that it is a text of `toJson`.
      Effect.succeed({ ...(JSON.parse(json) as Stored), canPick: picked === "true", json })
    : Effect.map(decode(text), (stored) => ({ ...stored, canPick: false, json: undefined }))
}
