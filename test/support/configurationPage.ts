/** Writes `docs/configuration.md` from the sections' schemas; `bun run docs` runs it. */
import type { Section } from "../../layers/config/Section.ts"
import { isNode, propertiesOf, sectionSchema, type Node } from "../../src/cli/config/jsonSchema.ts"
import { sections } from "../../src/program/sections.ts"

export const page = new URL("../../docs/configuration.md", import.meta.url).pathname

const introduction = `# Configuration

*For everyone who changes settings.*

manifold runs without any configuration. Settings are in one file, YAML or JSON. The first of these is read:

1. the file named by \`--config\`, which every command has;
2. the JSON in \`MCP_CONFIG_JSON\`;
3. the file at \`MCP_CONFIG_PATH\`;
4. \`manifold.yaml\` in your configuration folder.

| platform | configuration folder |
|---|---|
| Linux | \`~/.config/manifold\` |
| macOS | \`~/Library/Application Support/manifold\` |
| Windows | \`%APPDATA%\\manifold\` |
| any, if \`XDG_CONFIG_HOME\` is set | \`$XDG_CONFIG_HOME/manifold\` |

[Environment variables](#environment-variables) override single settings. A \`manifold.yaml\` in the working folder is not read unless you name
it ([why](security.md#the-working-folder)); the log, \`config check\` and \`doctor\` report it.

\`\`\`sh
manifold config init                 # writes your file (mode 0600), with every key, its default and its meaning, commented out
manifold config check                # reports every problem with line and column; exits with 1 if there is one
manifold config schema > schema.json # prints the JSON Schema, for editors that complete YAML
manifold config init other.yaml
manifold config check --config other.yaml
\`\`\`

- **Sections** are optional. A section that is present must be complete: keys without a default are required, and unknown keys are rejected.
- **Durations** are \`30 seconds\`, \`5 minutes\` or \`500 millis\`; a bare number is in seconds.
- **Secrets** are \`env:NAME\` or \`file:PATH\`, and are never printed. Only you should be able to read such a file.
- **Paths** are absolute, start with \`~/\`, or are relative to the folder of the configuration file. In variables and in \`MCP_CONFIG_JSON\`
  they must be absolute or start with \`~/\`.
- **YAML:** an inner section without keys (\`sessions:\`) is empty, and merge keys (\`<<: *name\`) are merged. \`$schema\` may name the schema
  for an editor.
- **Hot reload:** the file is read again on SIGHUP and when it changes. If it has a mistake, nothing changes and the log reports it. The log
  names the settings that need a restart.

This page is generated from the schemas of the program.
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

/** One row for each key with a value, by its path. */
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
  const aliases = section.aliases.map((alias) => ` Alias: ${code(alias)}.`).join("")
  const named = isNode(schema.additionalProperties) ? schema.additionalProperties : undefined
  const rows = [...rowsOf(schema, ""), ...(named === undefined ? [] : rowsOf(named, "<name>"))]
  return [
    `## ${section.name}`,
    `${section.description}${aliases}`,
    ["| key | meaning | type | default |", "|---|---|---|---|", ...rows].join("\n")
  ].join("\n\n")
}

/** Environment variables without a configuration key. */
const others: ReadonlyArray<readonly [name: string, what: string]> = [
  ["MCP_CONFIG_JSON", "the whole configuration, as JSON"],
  ["MCP_CONFIG_PATH", "the configuration file, YAML or JSON"],
  ["MCP_SERVERS_CONFIG_PATH", "a JSON file with more servers under `mcpServers`, as AI clients keep them"],
  ["NO_COLOR", "no colour on a terminal, whatever its value"],
  ["XDG_CONFIG_HOME", "the parent of the configuration folder, instead of `~/.config`"],
  ["XDG_STATE_HOME", "the parent of the default `storage.dir`, instead of `~/.local/state`"]
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
    "A variable overrides the key in the file. An empty variable counts as not set.",
    ["| variable | sets |", "|---|---|", ...rows].join("\n")
  ].join("\n\n")
}

export const configurationPage = (): string =>
  `${[introduction.trimEnd(), environment(), ...sections.map(ofSection)].join("\n\n")}\n`

if (import.meta.main) await Bun.write(page, configurationPage())
