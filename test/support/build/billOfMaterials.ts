/** CycloneDX software bill of materials of the binaries: the production dependencies of `bun.lock`, and Bun; reproducible. */
import { parse } from "jsonc-parser"
import { type Commit, root } from "./binary.ts"

/** A package of `bun.lock`: name and version, registry, its own dependencies, integrity (Subresource Integrity). */
type Locked = readonly [
  id: string,
  registry: string,
  needs: {
    readonly dependencies?: Readonly<Record<string, string>>
    readonly peerDependencies?: Readonly<Record<string, string>>
    readonly optionalPeers?: ReadonlyArray<string>
  },
  integrity: string
]

interface Lock {
  readonly packages: Readonly<Record<string, Locked>>
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly description?: string
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const manifestOf = async (folder: string) =>
  (await Bun.file(`${root}${folder}package.json`).json()) as Manifest

/** `a/b` is the key of package `b` below package `a`; scoped names contain a slash themselves. */
const partsOf = (key: string) => key.match(/@[^/]+\/[^/]+|[^/]+/g) ?? []

/** The key under which a package at `key` finds its dependency: its own one, or that of the nearest parent. */
const resolve = ({ packages }: Lock, key: string, dependency: string): string | undefined => {
  const parents = partsOf(key)
  for (let depth = parents.length; depth >= 0; depth--) {
    const found = [...parents.slice(0, depth), dependency].join("/")
    if (Object.hasOwn(packages, found)) return found
  }
  return undefined
}

const needsOf = ([, , { dependencies = {}, optionalPeers = [], peerDependencies = {} }]: Locked) => [
  ...Object.keys(dependencies),
  ...Object.keys(peerDependencies).filter((name) => !optionalPeers.includes(name))
]

/** Keys of all packages that the program needs, each with the keys of its dependencies. */
const graphOf = (lock: Lock, dependencies: ReadonlyArray<string>) => {
  const graph = new Map<string, ReadonlyArray<string>>()
  const visit = (key: string) => {
    const locked = lock.packages[key]
    if (locked === undefined || graph.has(key)) return
    const needs = needsOf(locked).flatMap((name) => resolve(lock, key, name) ?? [])
    graph.set(key, needs)
    needs.forEach(visit)
  }
  dependencies.forEach(visit)
  return graph
}

const hashesOf = (integrity: string) => {
  const [, algorithm, value = ""] = /^sha(512|256)-(.+)$/.exec(integrity) ?? []
  return algorithm === undefined
    ? []
    : [{ alg: `SHA-${algorithm}`, content: Buffer.from(value, "base64").toString("hex") }]
}

const licensesOf = (license: string | undefined) =>
  license === undefined
    ? []
    : [license.includes(" ") ? { expression: license } : { license: { id: license } }]

const purlOf = (id: string) => {
  const at = id.lastIndexOf("@")
  return `pkg:npm/${id.slice(0, at).replace("@", "%40")}@${id.slice(at + 1)}`
}

const componentOf = async (key: string, [id, , , integrity]: Locked) => {
  const folder = partsOf(key)
    .map((part) => `node_modules/${part}/`)
    .join("")
  const { description, license, name, version } = await manifestOf(folder)
  return {
    type: "library",
    "bom-ref": id,
    name,
    version,
    ...(description !== undefined && { description }),
    scope: "required",
    hashes: hashesOf(integrity),
    licenses: licensesOf(license),
    purl: purlOf(id)
  }
}

const bun = {
  type: "application",
  "bom-ref": `bun@${Bun.version}`,
  name: "bun",
  version: Bun.version,
  description: "The JavaScript runtime that is part of each binary",
  scope: "required",
  licenses: licensesOf("MIT"),
  purl: purlOf(`bun@${Bun.version}`)
}

/** A version 8 UUID (RFC 9562, section 5.8) made from a text, so that the same contents have the same number. */
const uuidOf = (text: string) => {
  const hex = new Bun.CryptoHasher("sha256").update(text).digest("hex")
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`]
  return [...parts, hex.slice(20, 32)].join("-")
}

/** The document as text (CycloneDX 1.6, ECMA-424). Reads the licenses of the packages from `node_modules`. */
export const billOfMaterials = async (commit: Commit | undefined): Promise<string> => {
  const manifest = await manifestOf("")
  // Its form is that of the Bun that made it, which is pinned.
  const lock = parse(await Bun.file(`${root}bun.lock`).text(), [], { allowTrailingComma: true }) as Lock
  const direct = Object.keys(manifest.dependencies ?? {})
  const graph = graphOf(lock, direct)
  const idOf = (key: string) => lock.packages[key]?.[0] ?? key
  const components = await Promise.all(
    [...graph.keys()].toSorted().flatMap((key) => {
      const locked = lock.packages[key]
      return locked === undefined ? [] : [componentOf(key, locked)]
    })
  )
  // Two places in the tree may have the same version.
  const unique = [...new Map(components.map((each) => [each["bom-ref"], each])).values()]
  const program = `${manifest.name}@${manifest.version}`
  const needs = new Map(
    [...graph].map(([key, keys]) => [idOf(key), [...new Set(keys.map(idOf))].toSorted()] as const)
  )
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: `${commit?.date ?? "1970-01-01"}T00:00:00Z`,
      component: {
        type: "application",
        "bom-ref": program,
        name: manifest.name,
        version: manifest.version,
        licenses: licensesOf(manifest.license),
        purl: purlOf(program)
      }
    },
    components: [...unique, bun],
    dependencies: [
      { ref: program, dependsOn: [...direct.map(idOf), bun["bom-ref"]] },
      ...[...needs].map(([ref, dependsOn]) => ({ ref, dependsOn })),
      { ref: bun["bom-ref"], dependsOn: [] }
    ]
  }
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(document))}`
  return `${JSON.stringify({ serialNumber, ...document }, undefined, 2)}\n`
}
