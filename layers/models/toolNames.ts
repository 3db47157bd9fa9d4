/** Translates tool names for providers, which accept letters, digits, `_` and `-` only, and back. */

const longest = 64

/** Names are unique after the rewriting, and stable for one list of tools. */
export class ToolNames {
  readonly #toWire = new Map<string, string>()
  readonly #fromWire = new Map<string, string>()

  constructor(names: Iterable<string>) {
    for (const name of names) this.#add(name)
  }

  #add(name: string): string {
    const plain = name.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, longest) || "_"
    let wire = plain
    for (let count = 2; this.#fromWire.has(wire); count++) {
      const suffix = `_${count}`
      wire = plain.slice(0, longest - suffix.length) + suffix
    }
    this.#toWire.set(name, wire)
    this.#fromWire.set(wire, name)
    return wire
  }

  /** A tool of an earlier turn may no longer be in the list. */
  toWire(name: string): string {
    return this.#toWire.get(name) ?? this.#add(name)
  }

  fromWire(name: string): string {
    return this.#fromWire.get(name) ?? name
  }
}
