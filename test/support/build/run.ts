/**
 * `bun run build`: writes `dist/manifold` for this machine. `--all` writes a binary for each platform into `dist/release`,
 * with `SHA256SUMS` and a bill of materials; `--target NAME` writes one of them.
 */
import { mkdir, rm, writeFile } from "node:fs/promises"
import { parseArgs } from "node:util"
import { billOfMaterials } from "./billOfMaterials.ts"
import { buildBinary, commitOf, isTarget, root, type Target, targets } from "./binary.ts"

const { all, target } = parseArgs({
  options: { all: { type: "boolean", default: false }, target: { type: "string" } }
}).values

const fileOf = (name: Target) => `manifold-${name}${name.startsWith("windows") ? ".exe" : ""}`

const names: ReadonlyArray<string> = all ? Object.keys(targets) : target === undefined ? [] : [target]
const wanted = names.filter(isTarget)
if (wanted.length < names.length) {
  console.error(`There is no target ${names.join()}. Targets: ${Object.keys(targets).join(", ")}`)
  process.exit(2)
}

const commit = await commitOf(process.env)
if (wanted.length === 0) {
  await buildBinary(`${root}dist/manifold`, commit)
  console.log("dist/manifold")
} else {
  const folder = `${root}dist/release`
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const missing: Array<string> = []
  for (const name of wanted) {
    try {
      await buildBinary(`${folder}/${fileOf(name)}`, commit, name)
      console.log(`dist/release/${fileOf(name)}`)
    } catch (error) {
      missing.push(name)
      console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const bom = "manifold.cdx.json"
  await writeFile(`${folder}/${bom}`, await billOfMaterials(commit))
  const files = [...wanted.filter((name) => !missing.includes(name)).map(fileOf), bom]
  const sums: Array<string> = []
  for (const file of files) {
    const hasher = new Bun.CryptoHasher("sha256")
    for await (const chunk of Bun.file(`${folder}/${file}`).stream()) hasher.update(chunk)
    sums.push(`${hasher.digest("hex")}  ${file}`)
  }
  await writeFile(`${folder}/SHA256SUMS`, `${sums.join("\n")}\n`)
  console.log("dist/release/SHA256SUMS")
  if (missing.length > 0) {
    console.error(`Not built: ${missing.join(", ")}`)
    process.exitCode = 1
  }
}
