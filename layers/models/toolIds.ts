/** Ids of tool calls for a provider: a conversation that another one began may have ids that this one does not accept. */

/** Ids are unique in one request, and stable while the conversation grows. */
export class ToolIds {
  readonly #valid: RegExp
  readonly #replaced = new Map<string, string>()

  constructor(valid: RegExp) {
    this.#valid = valid
  }

  toWire(id: string): string {
    if (this.#valid.test(id)) return id
    let wire = this.#replaced.get(id)
    if (wire === undefined) this.#replaced.set(id, (wire = `replaced_${this.#replaced.size + 1}`))
    return wire
  }
}
