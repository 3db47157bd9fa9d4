/** The URIs that one server lists, by scheme and authority, so that lists are compared only where they can have common URIs. */
import { compile, type Match } from "../catalog/matchUriTemplate.ts"
import { templatesOverlap } from "../catalog/templatesOverlap.ts"
import type { Lists } from "./lists.ts"

export interface Template {
  readonly text: string
  readonly match: Match
}

/** URIs and templates of one scheme and authority, or of a scheme with any authority. */
interface Area {
  readonly resources: Set<string>
  readonly templates: Array<Template>
}

export interface ListedUris {
  readonly resources: ReadonlySet<string>
  /** In the order in which they are matched. */
  readonly templates: ReadonlyArray<Template>
  readonly areas: ReadonlyMap<string, Area>
  readonly byScheme: ReadonlyMap<string, ReadonlyArray<Area>>
}

/** Templates of one server that are compared with the lists of the others: the time of a comparison is their product. */
const maxTemplates = 1000

export const noUris: ListedUris = {
  resources: new Set(),
  templates: [],
  areas: new Map(),
  byScheme: new Map()
}

/** `<scheme>://<authority>` without variables, else `<scheme>:`. */
const areaOf = (text: string): string => /^[^:/{]*:(?:\/\/[^/{]*(?=\/|$))?/.exec(text)?.[0] ?? ""

const schemeOf = (area: string): string => area.slice(0, area.indexOf(":") + 1)

export const listedUris = (lists: Pick<Lists, "resources" | "templates">): ListedUris => {
  const resources = new Set(lists.resources.map(({ uri }) => String(uri)))
  const templates = [...new Set(lists.templates.map(({ uriTemplate }) => String(uriTemplate)))]
    .toSorted((one, other) => (one < other ? -1 : 1))
    .slice(0, maxTemplates)
    .map((text) => ({ text, match: compile(text) }))
  const areas = new Map<string, Area>()
  const area = (text: string): Area => {
    const name = areaOf(text)
    let found = areas.get(name)
    if (found === undefined) areas.set(name, (found = { resources: new Set(), templates: [] }))
    return found
  }
  for (const uri of resources) area(uri).resources.add(uri)
  for (const template of templates) area(template.text).templates.push(template)
  const byScheme = new Map<string, Array<Area>>()
  for (const [name, found] of areas) {
    const scheme = schemeOf(name)
    const others = byScheme.get(scheme)
    if (others === undefined) byScheme.set(scheme, [found])
    else others.push(found)
  }
  return { resources, templates, areas, byScheme }
}

export const sameUris = (one: ListedUris, other: ListedUris): boolean =>
  one.resources.size === other.resources.size &&
  one.templates.length === other.templates.length &&
  one.resources.isSubsetOf(other.resources) &&
  one.templates.every(({ text }, index) => text === other.templates[index]?.text)

/** The areas that can have a URI in common with the area. */
const near = (name: string, { areas, byScheme }: ListedUris): ReadonlyArray<Area> => {
  const scheme = schemeOf(name)
  if (name === scheme) return byScheme.get(scheme) ?? []
  return [name, scheme].flatMap((each) => areas.get(each) ?? [])
}

const isListed = (uri: string, areas: ReadonlyArray<Area>) =>
  areas.some(
    ({ resources, templates }) =>
      resources.has(uri) || templates.some(({ match }) => match(uri) !== undefined)
  )

const overlaps = ({ match, text }: Template, areas: ReadonlyArray<Area>) =>
  areas.some(
    ({ resources, templates }) =>
      templates.some((other) => templatesOverlap(text, other.text)) ||
      resources.values().some((uri) => match(uri) !== undefined)
  )

/** The URIs and templates of a server that have a URI in common with one of the others. */
export const collisions = (
  { areas }: ListedUris,
  others: ReadonlyArray<ListedUris>
): { readonly resources: ReadonlyArray<string>; readonly templates: ReadonlyArray<string> } => {
  const resources: Array<string> = []
  const templates: Array<string> = []
  for (const [name, own] of areas) {
    const compared = others.flatMap((other) => near(name, other))
    if (compared.length === 0) continue
    for (const uri of own.resources) if (isListed(uri, compared)) resources.push(uri)
    for (const template of own.templates) if (overlaps(template, compared)) templates.push(template.text)
  }
  return { resources, templates }
}
