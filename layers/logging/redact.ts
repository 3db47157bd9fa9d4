/** Converts any value to JSON for logs: secrets masked, bounded in depth and size. */
import { Predicate, Redacted } from "effect"
import { mask, mostCharacters, redactText } from "./redactText.ts"

const mostDepth = 8
const mostItems = 100
/** Limits per line: values, and characters of text. */
const mostValues = 2000
const mostText = 4 * mostCharacters

const alwaysSecret =
  /secret|passw|passphrase|pwd|authorization|cookie|api[-_.]?key|private[-_.]?key|access[-_.]?key|credential|session[-_.]?id|signature|assertion|verifier|jwt/i
const token = /token|auth[-_.]?key/i

/** Whether a value with this name is a secret; a number of tokens is not. */
export const isSecretName = (name: string, value: unknown): boolean =>
  value !== undefined &&
  value !== null &&
  (alwaysSecret.test(name) || (token.test(name) && typeof value !== "number" && typeof value !== "boolean"))

class Walk {
  readonly #above: Array<object> = []
  #values = mostValues
  #text = mostText

  value(value: unknown): unknown {
    if (this.#values-- <= 0) return "…"
    switch (typeof value) {
      case "string":
        return this.text(value)
      case "number":
        return Number.isFinite(value) ? value : String(value)
      case "bigint":
      case "symbol":
        return this.text(String(value))
      case "function":
        return this.text(`<function ${value.name}>`)
      case "object":
        return value === null ? null : this.#object(value)
      default:
        return value
    }
  }

  text(text: string): string {
    if (this.#text <= 0) return "…"
    const shown = redactText(text)
    this.#text -= shown.length
    return shown
  }

  #object(value: object): unknown {
    if (Redacted.isRedacted(value)) return mask
    if (this.#above.includes(value)) return "<circular>"
    if (this.#above.length >= mostDepth) return "<deeper>"
    this.#above.push(value)
    try {
      return this.#inside(value)
    } catch {
      // A getter or `toJSON` that throws.
      return "<unreadable>"
    } finally {
      this.#above.pop()
    }
  }

  #inside(value: object): unknown {
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `<${value.byteLength} bytes>`
    if (Array.isArray(value)) return this.#array(value)
    if (value instanceof Error) {
      const { cause, message, name } = value
      const said = { name, message, ...(cause !== undefined && { cause }) }
      return this.#entries(Object.entries(Object.assign(said, value)))
    }
    if (Predicate.hasProperty(value, "toJSON") && typeof value.toJSON === "function") {
      return this.value(value.toJSON())
    }
    if (value instanceof Map || value instanceof Headers) return this.#entries([...value])
    if (value instanceof Set) return this.#array([...value])
    return this.#entries(Object.entries(value))
  }

  #array(items: ReadonlyArray<unknown>): unknown {
    const [name, second] = items
    // A header in a list of `[name, value]`.
    if (items.length === 2 && typeof name === "string" && isSecretName(name, second)) return [name, mask]
    const shown = items.slice(0, mostItems).map((item) => this.value(item))
    return items.length > mostItems ? [...shown, `… (${items.length} items)`] : shown
  }

  #entries(entries: ReadonlyArray<readonly [unknown, unknown]>): unknown {
    const shown: Record<string, unknown> = Object.create(null)
    const about = entries.find(
      ([key, value]) => (key === "name" || key === "key") && typeof value === "string"
    )
    for (const [key, value] of entries.slice(0, mostItems)) {
      const name = this.text(typeof key === "string" ? key : JSON.stringify(this.value(key)))
      const secret =
        isSecretName(String(key), value) ||
        // `{ name: "authorization", value: "…" }`
        (key === "value" && about !== undefined && isSecretName(String(about[1]), value))
      shown[name] = secret ? mask : this.value(value)
    }
    if (entries.length > mostItems) shown["…"] = `${entries.length} keys`
    return shown
  }
}

/**
 * A copy of the value for `JSON.stringify`. `Redacted` values, values with secret names (`authorization`, `cookie`,
 * `api_key`, …) and token-like text are masked; long texts, long lists and deep nesting are truncated.
 */
export const redact = (value: unknown): unknown => new Walk().value(value)
