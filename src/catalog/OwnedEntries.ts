/** The entries of one source in one table, replaced as a whole. */
import type { Visibility } from "./Audience.ts"
import { NameTaken } from "./CatalogError.ts"
import type { Claim, EntryTable, Source } from "./EntryTable.ts"

/** Visible differences of a replacement. */
interface Delta {
  /** Of each visible entry that was added, removed or changed, before and after. */
  readonly visibilities: ReadonlyArray<Visibility>
  /** Names whose holder was removed or changed. */
  readonly names: ReadonlyArray<string>
}

export class OwnedEntries<A> {
  readonly #table: EntryTable<A>
  readonly #source: Source
  readonly #claims = new Map<string, Claim<A>>()
  /** Names of more than one entry of the source; the first entry counts. */
  #duplicates: ReadonlySet<string> = new Set()

  constructor(table: EntryTable<A>, source: Source) {
    this.#table = table
    this.#source = source
  }

  /** Conflicts that these entries would have now. */
  check(entries: ReadonlyArray<A>): ReadonlyArray<NameTaken> {
    const { duplicates, wanted } = this.#byKey(entries)
    const taken = [...wanted.keys()].filter(
      (key) => this.#table.holder(key, this.#source.audience) !== undefined
    )
    return [...duplicates, ...taken].map((name) => this.#taken(name))
  }

  replace(entries: ReadonlyArray<A>): Delta {
    const visibilities: Array<Visibility> = []
    const names: Array<string> = []
    const table = this.#table
    const touch = (claim: Claim<A>) => void visibilities.push(table.visibility(claim))
    const { duplicates, wanted } = this.#byKey(entries)
    this.#duplicates = duplicates
    for (const [key, claim] of this.#claims) {
      if (wanted.has(key)) continue
      this.#claims.delete(key)
      if (table.holds(claim)) {
        touch(claim)
        names.push(key)
      }
      for (const promoted of table.release(claim)) touch(promoted)
    }
    for (const [key, entry] of wanted) {
      const claim = this.#claims.get(key)
      if (claim === undefined) {
        const added = table.claim(this.#source, entry)
        this.#claims.set(key, added)
        if (table.holds(added)) touch(added)
      } else if (claim.entry !== entry) {
        const visible = table.holds(claim)
        if (visible) touch(claim)
        claim.entry = entry
        if (visible) {
          touch(claim)
          names.push(key)
        }
      }
    }
    return { visibilities, names }
  }

  /** Current conflicts: duplicates, and entries that wait for a name. */
  get conflicts(): ReadonlyArray<NameTaken> {
    const waiting = [...this.#claims.values()].filter((claim) => !this.#table.holds(claim))
    return [...this.#duplicates, ...waiting.map(({ key }) => key)].map((name) => this.#taken(name))
  }

  #taken(name: string): NameTaken {
    const holder = this.#table.holder(name, this.#source.audience)?.source.owner ?? this.#source.owner
    return new NameTaken({ kind: this.#table.kind, name, holder })
  }

  #byKey(entries: ReadonlyArray<A>) {
    const wanted = new Map<string, A>()
    const duplicates = new Set<string>()
    for (const entry of entries) {
      const key = this.#table.key(entry)
      if (wanted.has(key)) duplicates.add(key)
      else wanted.set(key, entry)
    }
    return { wanted, duplicates }
  }
}
