/** Writes `docs/configuration.md` from the sections' schemas; run as a program it writes the file. */
import type { Section } from "../../layers/config/Section.ts"
import { isNode, propertiesOf, sectionSchema, type Node } from "../../src/cli/config/jsonSchema.ts"
import { sections } from "../../src/program/sections.ts"

export const page = new URL("../../docs/configuration.md", import.meta.url).pathname

const introduction = `# Configuration

One file, YAML or JSON, and nothing in it is needed to start. The first of these is read:

1. the file named by \`--config\`, which every command has;
2. the JSON in \`MCP_CONFIG_JSON\`;
3. the file at \`MCP_CONFIG_PATH\`;
4. \`manifold.yaml\` in your configuration folder.

| | configuration folder |
|---|---|
| Linux | \`~/.config/manifold\` |
| macOS | \`~/Library/Application Support/manifold\` |
| Windows | \`%APPDATA%\\manifold\` |
| any, if \`XDG_CONFIG_HOME\` is set | \`$XDG_CONFIG_HOME/manifold\` |

A file of the working folder is read only if you name it: AI clients start servers in folders that others have filled
([security](security.md#the-working-folder)). Where a \`manifold.yaml\` lies there, the log, \`config check\` and \`doctor\` say how to use it.
A variable for a single setting overrides the file.

\`\`\`sh
manifold config init                 # your file, with every key, its default and what it means, commented out; mode 0600
manifold config check                # every problem at once, with line and column; ends with 1 if there is one
manifold config schema > schema.json # the JSON Schema, for editors that complete YAML
manifold config init other.yaml
manifold config check --config other.yaml
\`\`\`

- A section may be left out. One that is there must be complete: keys without a default are required, unknown keys are refused.
- Durations are written \`30 seconds\`, \`5 minutes\` or \`500 millis\`; a bare number counts seconds.
- Secrets are \`env:NAME\` or \`file:PATH\`, and are never printed. A file should be readable by its owner only.
- Paths are absolute, or start with \`~/\`, or are relative to the folder of the configuration file. In a variable and in
  \`MCP_CONFIG_JSON\` a path must be absolute or start with \`~/\`.
- An inner section without keys (\`sessions:\`) is an empty one. Merge keys (\`<<: *name\`) are merged.
- The file is read again on SIGHUP and when it changes. What is wrong leaves everything as it was, and is logged; a setting
  that needs a restart is named in the log.
- \`$schema\` may name the schema for an editor.

This page is made from the program's own schemas.
`

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ")
const code = (text: string): string => `\`${cell(text)}\``

const typeOf = (node: Node): string => {
  const members = (Array.isArray(node.anyOf) ? node.anyOf : [node]).filter(isNode)
  const words = members.flatMap((member) =>
    Array.isArray(member.enum) ? member.enum.map((choice) => JSON.stringify(choice)) : [String(member.type)]
  )
  return [...new Set(words)].join(", ")
}

/** One row for each key that has a value of its own, by its path. */
const rowsOf = (map: Node, path: string): ReadonlyArray<string> =>
  Object.entries(propertiesOf(map) ?? {}).flatMap(([key, declared]) => {
    const here = path === "" ? key : `${path}.${key}`
    const given = isNode(map.default) && Object.hasOwn(map.default, key) ? map.default[key] : declared.default
    const required = Array.isArray(map.required) && map.required.includes(key)
    const about = typeof declared.description === "string" ? declared.description : ""
    if (propertiesOf(declared)) {
      const rows = rowsOf(isNode(given) ? { ...declared, default: given } : declared, here)
      return [`| ${code(here)} | ${cell(about)} | map | ${required ? "**required**" : ""} |`, ...rows]
    }
    const usual = given === undefined ? (required ? "**required**" : "–") : code(JSON.stringify(given))
    const row = `| ${code(here)} | ${cell(about)} | ${cell(typeOf(declared))} | ${usual} |`
    const item = isNode(declared.items) ? declared.items : undefined
    const named = isNode(declared.additionalProperties) ? declared.additionalProperties : undefined
    return [
      row,
      ...(item === undefined ? [] : rowsOf(item, `${here}[]`)),
      ...(named === undefined ? [] : rowsOf(named, `${here}.<name>`))
    ]
  })

const ofSection = (section: Section<unknown>): string => {
  const schema = sectionSchema(section)
  const aliases = section.aliases.map((alias) => ` Its keys may also stand under ${code(alias)}.`).join("")
  return [
    `## ${section.name}`,
    `${section.description}${aliases}`,
    ["| key | what | type | default |", "|---|---|---|---|", ...rowsOf(schema, "")].join("\n")
  ].join("\n\n")
}

/** Variables that no key of the configuration stands for. */
const others: ReadonlyArray<readonly [name: string, what: string]> = [
  ["MCP_CONFIG_JSON", "The whole configuration, as JSON."],
  ["MCP_CONFIG_PATH", "The configuration file, YAML or JSON."],
  ["NO_COLOR", "No colour on a terminal, whatever its value."],
  ["XDG_CONFIG_HOME", "Where the folder of the usual configuration file lies, instead of `~/.config`."],
  ["XDG_STATE_HOME", "Where the default of `storage.dir` lies, instead of `~/.local/state`."]
]

const environment = (): string => {
  const keys = sections.flatMap(({ env, name }) =>
    Object.entries(env).map(([variable, { path }]) => [variable, code([name, ...path].join("."))] as const)
  )
  const rows = [...keys, ...others]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([variable, what]) => `| ${code(variable)} | ${what} |`)
  return [
    "## Environment variables",
    "Each stands above the key of the file. One that is empty counts as not set.",
    ["| variable | sets |", "|---|---|", ...rows].join("\n")
  ].join("\n\n")
}

export const configurationPage = (): string =>
  `${[introduction.trimEnd(), environment(), ...sections.map(ofSection)].join("\n\n")}\n`

if (import.meta.main) await Bun.write(page, configurationPage())
