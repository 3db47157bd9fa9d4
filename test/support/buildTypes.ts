/** `bun run build:types`: writes the declarations that the package ships into `types/`. */
import { Glob } from "bun"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { dirname, join, relative } from "node:path"
import { tmpdir } from "node:os"
import manifest from "../../package.json" with { type: "json" }

const root = new URL("../..", import.meta.url).pathname
const types = join(root, "types")

/** Folders of layers that are not exported, because their declarations need types of development dependencies. */
const internal = Object.entries(manifest.exports).flatMap(([path, target]) =>
  target === null ? [path.slice("./".length, -"*".length)] : []
)

/** Sources that `exports` of package.json names: every layer is one, except in folders whose target is null. */
const entries = [
  "src/index.ts",
  "src/tools/index.ts",
  "src/rest/api.ts",
  ...new Glob("layers/**/*.ts").scanSync({ cwd: root })
].filter((file) => !internal.some((folder) => file.startsWith(folder)))

/** Import paths in declarations, in statements and in `import("…")` types. */
const specifier = /(\bfrom\s*|\bimport\s*\(?\s*)"(\.[^"]+)\.ts"/g

const compile = async () => {
  const folder = await mkdtemp(join(tmpdir(), "manifold-types-"))
  const config = join(folder, "tsconfig.json")
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    outDir: types,
    rootDir: root,
    rewriteRelativeImportExtensions: true,
    typeRoots: [join(root, "node_modules/@types")],
    plugins: []
  }
  const files = [...entries, "layers/templates/sqrl.d.ts"].map((file) => join(root, file))
  await writeFile(
    config,
    JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, files, include: [] })
  )
  const tsc = Bun.spawn([process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", config], {
    stdout: "inherit",
    stderr: "inherit"
  })
  const code = await tsc.exited
  await rm(folder, { recursive: true })
  if (code !== 0) throw new Error(`tsc ended with ${code}`)
}

/** Declarations that the entries reach; paths end in `.js`, which every module resolution maps to `.d.ts`. */
const reachable = async () => {
  const found = new Map<string, string>()
  const visit = async (file: string): Promise<void> => {
    if (found.has(file)) return
    const text = await readFile(file, "utf8")
    found.set(file, text.replaceAll(specifier, '$1"$2.js"'))
    for (const [, , path = ""] of text.matchAll(specifier)) await visit(join(dirname(file), `${path}.d.ts`))
  }
  for (const file of entries) {
    if (!file.endsWith(".d.ts")) await visit(join(types, file.replace(/ts$/, "d.ts")))
  }
  return found
}

await rm(types, { recursive: true, force: true })
await compile()
const kept = await reachable()
for (const file of await readdir(types, { recursive: true, withFileTypes: true })) {
  const path = join(file.parentPath, file.name)
  const text = kept.get(path)
  if (text !== undefined) await writeFile(path, text)
  else if (file.isFile()) await rm(path)
}
console.log(`${kept.size} declarations in ${relative(root, types)}/`)
