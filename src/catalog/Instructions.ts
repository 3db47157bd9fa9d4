/** Instructions for clients' models: those of the owners of entries, for each principal that sees the owner's entries. */
import type { Principal } from "../domain/Principal.ts"
import { includes } from "./Audience.ts"
import type { Source } from "./EntryTable.ts"

/** In characters: of one owner, and of all together. A client puts them into every prompt. */
const maxOwn = 4000
const maxAll = 32_000

const cut = (text: string, max: number) => (text.length > max ? `${text.slice(0, max - 1)}…` : text)

export class Instructions {
  readonly #bySource = new Map<Source, string>()

  set(source: Source, text: string | undefined): void {
    const trimmed = text?.trim() ?? ""
    if (trimmed === "") this.#bySource.delete(source)
    else this.#bySource.set(source, cut(trimmed, maxOwn))
  }

  /** After `own`, one section per owner, by name; `undefined` if there are none. */
  merged(principal: Principal, own: string | undefined): string | undefined {
    if (this.#bySource.size === 0) return own
    const sections = [...this.#bySource]
      .filter(([{ audience }]) => includes(audience, principal))
      .map(([{ owner }, text]) => `# ${owner}\n\n${text}`)
      .toSorted()
    const all = own === undefined ? sections : [own, ...sections]
    return all.length === 0 ? undefined : cut(all.join("\n\n"), maxAll)
  }
}
