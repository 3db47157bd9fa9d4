/** Generates a commented `manifold.yaml`: every key with its description, environment variable and default. */
import type { Section } from "../../../layers/config/Section.ts"
import { isNode, propertiesOf, sectionSchema, type Node } from "./jsonSchema.ts"

const header = `## Configuration of manifold.
##
## Every key is shown with its default, commented out. To set a key, uncomment it and its section.
## Keys marked "# #" have no default. Write a secret as env:NAME or file:PATH.
##
## Paths are absolute, start with ~, or are relative to this file.
##
##   manifold config check     reports every problem, with line and column
##   manifold config schema    prints the JSON Schema, for completion in editors
`

type Lines = ReadonlyArray<string>

const width = 88
const indented = (lines: Lines): Lines => lines.map((line) => `  ${line}`)
const comment = (lines: Lines): Lines => lines.map((line) => `# ${line}`.trimEnd())

const wrapped = (text: string): Lines => {
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length >= width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

const about = ({ description }: Node): Lines =>
  typeof description === "string" ? comment(wrapped(description)) : []

/** Words that YAML 1.1 or 1.2 parses as a boolean or null. */
const ambiguous = /^(true|false|null|yes|no|on|off|y|n)$/i

/** A YAML scalar: plain if unambiguous, otherwise as JSON. */
const scalar = (value: unknown): string =>
  typeof value === "string" && /^[A-Za-z][\w ./-]*$/.test(value) && !ambiguous.test(value)
    ? value
    : JSON.stringify(value)

const placeholder = (node: Node): string => {
  const types = (Array.isArray(node.anyOf) ? node.anyOf : [node]).filter(isNode).map(({ type }) => type)
  const choices = [node.enum, node.examples].find(Array.isArray) ?? types
  return `<${choices.join(" | ")}>`
}

/** Example entry of a list of maps, or of a map with arbitrary names. */
const entry = (node: Node): Lines => {
  if (isNode(node.items) && propertiesOf(node.items)) return ["-", ...indented(settings(node.items))]
  const named = node.additionalProperties
  return isNode(named) && propertiesOf(named) ? ["<name>:", ...indented(settings(named))] : []
}

/** A default of the whole map overrides that of the key. */
const withDefaultOf = (map: Node, key: string, inner: Node): Node =>
  isNode(map.default) && Object.hasOwn(map.default, key) ? { ...inner, default: map.default[key] } : inner

const value = (key: string, node: Node): Lines => {
  if (propertiesOf(node)) return [`${key}:`, ...indented(settings(node))]
  if (node.default !== undefined)
    return [`${key}: ${scalar(node.default)}`, ...indented(comment(entry(node)))]
  const entries = entry(node)
  return entries.length > 0 ? [`${key}:`, ...indented(entries)] : [`${key}: ${placeholder(node)}`]
}

const requires = (map: Node, key: string): boolean =>
  Array.isArray(map.required) && map.required.includes(key)

/** The keys of a map as YAML. Required keys are not commented out, because the map around them is. */
const settings = (map: Node): Lines =>
  Object.entries(propertiesOf(map) ?? {}).flatMap(([key, declared]) => {
    const node = withDefaultOf(map, key, declared)
    const lines = value(key, node)
    return [...about(node), ...(node.default !== undefined || requires(map, key) ? lines : comment(lines))]
  })

const ofSection = (section: Section<unknown>): string => {
  const schema = sectionSchema(section)
  const lines = [`${section.name}:`, ...indented([...settings(schema), ...comment(entry(schema))])]
  const isComplete = !Array.isArray(schema.required) || schema.required.length === 0
  const others = section.aliases.map((alias) => `Also accepted under the name \`${alias}\`.`)
  const description = wrapped([section.description, ...others].join(" ").trim()).filter((line) => line !== "")
  return [...comment(comment(description)), ...comment(isComplete ? lines : comment(lines))].join("\n")
}

export const commentedYaml = (sections: ReadonlyArray<Section<unknown>>): string =>
  `${[header, ...sections.map(ofSection)].join("\n\n").replace("\n\n\n", "\n\n")}\n`
