/** The compose files and the Dockerfile name only variables that the program reads, and volumes that are declared. */
import { expect, test } from "bun:test"
import { parse } from "yaml"
import { sections } from "../../src/program/sections.ts"

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      { readonly environment?: Readonly<Record<string, string>>; readonly volumes?: ReadonlyArray<string> }
    >
  >
  readonly volumes?: Readonly<Record<string, unknown>>
}

const read = (name: string) => Bun.file(new URL(`../../${name}`, import.meta.url)).text()

const known = new Set(sections.flatMap(({ env }) => Object.keys(env)))
/** Of the platform, and of the file's place. */
const others = new Set(["HOME", "XDG_CONFIG_HOME"])

test.each(["compose.yaml", "compose.scale.yaml"])("%s", async (name) => {
  // The form that Compose defines; the assertions below fail on another one.
  const { services, volumes = {} } = parse(await read(name)) as Compose
  for (const variable of Object.keys(services["manifold"]?.environment ?? {})) {
    expect([...known]).toContain(variable)
  }
  const named = Object.values(services)
    .flatMap(({ volumes: mounts = [] }) => mounts)
    .map((mount) => mount.split(":", 1).join())
  expect(named.length).toBeGreaterThan(0)
  expect(Object.keys(volumes)).toEqual(named)
})

test("the Dockerfile sets known variables, and copies what .dockerignore lets through", async () => {
  const dockerfile = await read("Dockerfile")
  const [, block = ""] = /^ENV ((?:.*\\\n)*.*)$/m.exec(dockerfile) ?? []
  const variables = [...block.matchAll(/([A-Z_]+)=/g)].map(([, variable = ""]) => variable)
  expect(variables.length).toBeGreaterThan(3)
  expect(variables.filter((variable) => !known.has(variable) && !others.has(variable))).toEqual([])
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = ""]) =>
    paths.split(" ")
  )
  const allowed = (await read(".dockerignore")).match(/(?<=^!).+$/gm) ?? []
  expect(copied).toEqual(allowed)
})
