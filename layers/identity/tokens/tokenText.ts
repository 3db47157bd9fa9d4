/** Text of a stored API token: `mcpt_<id>_<256-bit secret><checksum>`. */
import { Effect } from "effect"
import * as Base64Url from "effect/encoding/Base64Url"
import { crc32 } from "../../platform/digest.ts"
import { Ids } from "../../platform/Ids.ts"

/** Secret scanners find tokens by this prefix. */
const prefix = "mcpt_"
const idBytes = 9
const secretBytes = 32
const form = /^mcpt_([A-Za-z0-9]{12})_([A-Za-z0-9_-]{43})([0-9a-z]{7})$/
const checksumLength = 7

export interface TokenParts {
  readonly id: string
  readonly secret: string
}

/** CRC-32 in base 36. It reveals a misspelt token without a lookup, and is no secret. */
const checksum = (text: string) => crc32(text).toString(36).padStart(checksumLength, "0")

/** The parts of a token; `undefined` for a text of another form, length or checksum. */
export const parse = (text: string): TokenParts | undefined => {
  if (!text.startsWith(prefix)) return undefined
  const [, id, secret, sum] = form.exec(text) ?? []
  if (id === undefined || secret === undefined) return undefined
  return checksum(text.slice(0, -checksumLength)) === sum ? { id, secret } : undefined
}

/** A new token. Ids are letters and digits, so that a double click selects one. */
export const mint = Effect.gen(function* () {
  const ids = yield* Ids
  const id = Base64Url.encode(yield* ids.secret(idBytes)).replaceAll(/[-_]/g, "x")
  const secret = Base64Url.encode(yield* ids.secret(secretBytes))
  const body = `${prefix}${id}_${secret}`
  return { id, secret, text: body + checksum(body) }
})
