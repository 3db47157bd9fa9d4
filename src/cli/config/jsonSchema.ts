/** JSON Schema 2020-12 of the configuration file, for completion and validation in editors. */
import { Predicate } from "effect"
import type { Section } from "../../../layers/config/Section.ts"
import { jsonSchema } from "../../catalog/jsonSchema.ts"

export interface Node {
  readonly [keyword: string]: unknown
}

export const isNode = (value: unknown): value is Node => Predicate.isObject(value) && !Array.isArray(value)

/** The named keys of a map; `undefined` if it declares none. */
export const propertiesOf = (node: Node): Readonly<Record<string, Node>> | undefined =>
  isNode(node.properties) ? (node.properties as Readonly<Record<string, Node>>) : undefined

/** Disallows undeclared keys in every map, as the program does. */
const closed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(closed)
  if (!isNode(value)) return value
  const entries = Object.entries(value).map(([keyword, inner]) => {
    // The values of these keywords are data, not schemas.
    if (keyword === "default" || keyword === "examples" || keyword === "enum") return [keyword, inner]
    return [keyword, keyword === "additionalProperties" && inner === true ? false : closed(inner)]
  })
  return Object.fromEntries(entries)
}

/** Appends the overriding environment variable to a key's description. */
const withVariable = (node: Node, [key, ...rest]: ReadonlyArray<string>, variable: string): Node => {
  if (key === undefined) {
    const about = typeof node.description === "string" ? `${node.description} ` : ""
    return { ...node, description: `${about}Variable: ${variable}.` }
  }
  const properties = propertiesOf(node)
  const inner = properties?.[key]
  if (inner === undefined) return node
  return { ...node, properties: { ...properties, [key]: withVariable(inner, rest, variable) } }
}

/** The schema of one section, with environment variables in the descriptions. */
export const sectionSchema = (section: Section<unknown>): Node => {
  const plain = closed(jsonSchema(section.schema)) as Node
  const whole = Object.entries(section.env).reduce(
    (node, [variable, { path }]) => withVariable(node, path, variable),
    plain
  )
  return section.description === "" ? whole : { description: section.description, ...whole }
}

export const fileSchema = (sections: ReadonlyArray<Section<unknown>>): Node => {
  const properties = sections.flatMap((section) => {
    const schema = sectionSchema(section)
    return [
      [section.name, schema] as const,
      ...section.aliases.map(
        (alias) => [alias, { ...schema, description: `Alias of the section ${section.name}.` }] as const
      )
    ]
  })
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration of manifold",
    type: "object",
    properties: { $schema: { type: "string" }, ...Object.fromEntries(properties) },
    additionalProperties: false
  }
}
