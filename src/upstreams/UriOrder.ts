/** Which of several servers keeps a URI that all of them list: the first in the configuration; the others get mapped URIs. */
import { Effect, type Scope } from "effect"
import { ownerKey, type Audience } from "../catalog/Audience.ts"
import { collisions, type ListedUris, listedUris, noUris, sameUris } from "./listedUris.ts"
import type { Lists } from "./lists.ts"
import { fromMapped, toMapped, type UriMapping } from "./mappedUri.ts"

/** A server, its connection for one principal, or a server that a principal has connected. */
interface Member {
  readonly name: string
  readonly principal: string | undefined
  /** Among those that the configuration does not have. */
  readonly number: number
  /** Publishes its entries again. */
  readonly changed: Effect.Effect<void>
  uris: ListedUris
  mapping: UriMapping | undefined
  /** Its mapped URIs and templates, to compare. */
  mapped: string
}

export interface Membership {
  /** `undefined` while no URI of the server is mapped. */
  readonly mapping: () => UriMapping | undefined
  /** Before entries of these lists are published. Servers whose mapping changes publish theirs first. */
  readonly update: (lists: Lists) => Effect.Effect<void>
}

const mappingOf = (
  name: string,
  { resources, templates }: ListedUris,
  mappedResources: ReadonlySet<string>,
  mappedTemplates: ReadonlySet<string>
): UriMapping => {
  const mapped = (uri: string) => toMapped(name, uri) ?? uri
  const toServed = (uri: string) => {
    if (resources.has(uri)) return mappedResources.has(uri) ? mapped(uri) : uri
    const template = templates.find(({ match }) => match(uri) !== undefined)
    return template !== undefined && mappedTemplates.has(template.text) ? mapped(uri) : uri
  }
  return {
    toServed,
    toServer: (uri) => {
      const original = fromMapped(name, uri)
      return original !== undefined && toServed(original) === uri ? original : uri
    },
    template: (text) => (mappedTemplates.has(text) ? mapped(text) : text)
  }
}

export class UriOrder {
  readonly #members = new Set<Member>()
  #ranks: ReadonlyMap<string, number> = new Map()
  #joined = 0

  /** The servers in the order of the configuration. */
  arrange(names: ReadonlyArray<string>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#ranks = new Map(names.map((name, index) => [name, index]))
      return this.#settle(undefined)
    })
  }

  /** Until the scope closes. */
  join(options: {
    readonly name: string
    readonly visibleTo: Audience
    readonly changed: Effect.Effect<void>
  }): Effect.Effect<Membership, never, Scope.Scope> {
    const { changed, name, visibleTo } = options
    const member: Member = {
      name,
      principal: ownerKey(visibleTo),
      number: this.#joined++,
      changed,
      uris: noUris,
      mapping: undefined,
      mapped: ""
    }
    const membership: Membership = {
      mapping: () => member.mapping,
      update: (lists) =>
        Effect.suspend(() => {
          const uris = listedUris(lists)
          if (sameUris(uris, member.uris)) return Effect.void
          member.uris = uris
          return this.#settle(member)
        })
    }
    return Effect.acquireRelease(
      Effect.sync(() => {
        this.#members.add(member)
        return membership
      }),
      () =>
        Effect.suspend(() => {
          this.#members.delete(member)
          member.uris = noUris
          return this.#settle(member)
        })
    )
  }

  /**
   * Servers of all callers come before those with an account per principal and those that a principal has connected: the URIs of
   * all must not depend on those of one. Connected servers come last, in the order in which they were.
   */
  #precedes(one: Member, other: Member): boolean {
    if (one.principal !== other.principal) return one.principal === undefined
    const [rank, otherRank] = [one, other].map(({ name }) => this.#ranks.get(name) ?? Infinity)
    return rank === otherRank ? one.number < other.number : Number(rank) < Number(otherRank)
  }

  /** Maps the URIs of the servers that a change of this one may concern, and publishes the entries of the others. */
  #settle(cause: Member | undefined): Effect.Effect<void> {
    const sharesUris = ({ principal }: Member, member: Member) =>
      principal === undefined || principal === member.principal
    const comesAfter = (one: Member, member: Member) => sharesUris(one, member) && this.#precedes(one, member)
    const concerned = [...this.#members]
      .filter((member) => cause === undefined || member === cause || comesAfter(cause, member))
      .toSorted((one, other) => (this.#precedes(one, other) ? -1 : this.#precedes(other, one) ? 1 : 0))
    const changed = concerned.filter((member) => {
      const earlier = [...this.#members].filter((other) => comesAfter(other, member))
      return this.#map(member, earlier) && member !== cause
    })
    return Effect.forEach(changed, (member) => member.changed, { discard: true }).pipe(Effect.uninterruptible)
  }

  /** Whether the mapping of the server has changed. */
  #map(member: Member, earlier: ReadonlyArray<Member>): boolean {
    const { name, uris } = member
    const canMap = (uri: string) => toMapped(name, uri) !== undefined
    const found = collisions(
      uris,
      earlier.map((other) => other.uris)
    )
    const resources = new Set(found.resources.filter(canMap))
    const templates = new Set(found.templates.filter(canMap))
    member.mapping =
      resources.size + templates.size === 0 ? undefined : mappingOf(name, uris, resources, templates)
    const before = member.mapped
    member.mapped = JSON.stringify([[...resources].toSorted(), [...templates]])
    return before !== member.mapped
  }
}
