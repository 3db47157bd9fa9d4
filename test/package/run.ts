/**
 * `bun run package`: packs the package, installs it into fresh projects as docs/library.md says, and type-checks its
 * examples there with each compiler and module resolution. The last line is `package N/M`. Needs the npm registry.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import manifest from "../../package.json" with { type: "json" }
import { blocksOf, filesOf, root, select } from "../support/codeBlocks.ts"
import { exampleFiles, greet, visitMounted, visitShop } from "../support/examples.ts"

const compilers = { "typescript-5": "npm:typescript@5.9.3", "typescript-7": "npm:typescript@7.0.2" }

/** Checkers of packages: https://publint.dev and https://arethetypeswrong.github.io. */
const checkers = { publint: "0.3.25", "@arethetypeswrong/cli": "0.18.5" }

/** A strict project without the settings of our `tsconfig.json`. */
const base = { strict: true, target: "ES2022", noEmit: true, skipLibCheck: true }
const strictest = {
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  verbatimModuleSyntax: true
}
const resolutions = {
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" }
}
/** Examples import each other by their names on disk, as Bun does; Bun's types are those of their `process` and tests. */
const examples = { allowImportingTsExtensions: true, types: ["bun"] }

interface Check {
  readonly name: string
  readonly options: object
  readonly files: ReadonlyArray<string>
  /** Only errors in files whose path contains this count; those of other packages are not ours. */
  readonly within?: string
}

/** The declarations themselves, which may name no type that only @types/bun or @types/node have. */
const declarations = (name: string, resolution: object, strictness: object): Check => ({
  name: `${name}, declarations`,
  options: { ...strictness, ...resolution, skipLibCheck: false, types: [] },
  files: ["names.ts"],
  within: "node_modules/manifold/"
})

/** Those of every layer, of which the ones about listeners and sockets name types of Bun. */
const layers = (name: string, resolution: object): Check => ({
  name: `${name}, layers`,
  options: { ...base, ...strictest, ...resolution, skipLibCheck: false, types: ["bun"] },
  files: ["layerNames.ts"],
  within: "node_modules/manifold/"
})

const checksOf = (files: ReadonlyArray<string>): ReadonlyArray<Check> =>
  Object.entries(resolutions).flatMap(([name, resolution]) => [
    { name, options: { ...base, ...resolution, ...examples }, files },
    { name: `${name}, strictest`, options: { ...base, ...strictest, ...resolution, ...examples }, files },
    declarations(name, resolution, base),
    declarations(`${name}, strictest`, resolution, { ...base, ...strictest }),
    layers(name, resolution)
  ])

const run = async (cwd: string, command: ReadonlyArray<string>, stdin = "") => {
  const child = Bun.spawn([...command], {
    cwd,
    stdin: new TextEncoder().encode(stdin),
    stdout: "pipe",
    stderr: "pipe"
  })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, stdout, output: `${stdout}${stderr}` }
}

const must = async (cwd: string, command: ReadonlyArray<string>) => {
  const { code, output, stdout } = await run(cwd, command)
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}\n${output}`)
  return stdout
}

const bun = process.execPath
const results: Array<boolean> = []
const report = (name: string, problems: string) => {
  results.push(problems === "")
  console.log(problems === "" ? `ok     ${name}` : `FAILED ${name}\n${problems}`)
}

const project = await mkdtemp(join(tmpdir(), "manifold-package-"))
try {
  await must(root, [bun, "pm", "pack", "--destination", project])
  const page = blocksOf(await Bun.file(`${root}docs/library.md`).text())
  const install = select(page, "sh").find((script) => script.startsWith("bun add")) ?? ""
  const [, tarball = ""] = /\.\/(\S+\.tgz)/.exec(install) ?? []

  const packed = (await must(project, ["tar", "-tzf", tarball])).trim().split("\n")
  const allowed =
    /^package\/(package\.json|README\.md|LICENSE|CHANGELOG\.md|(src|layers|templates|types)\/.+|docs\/[\w-]+\.md|docs\/examples\/.+)$/
  report(
    "the tarball has sources, declarations and documents",
    packed.filter((path) => !allowed.test(path)).join("\n")
  )

  await writeFile(
    join(project, "package.json"),
    JSON.stringify({
      private: true,
      type: "module",
      devDependencies: { ...compilers, ...checkers, "@types/bun": "1.4.4" }
    })
  )
  await must(project, [bun, ...install.trim().split(" ").slice(1)])
  const effects = await Array.fromAsync(
    new Bun.Glob("**/node_modules/effect/package.json").scan({ cwd: project })
  )
  report("there is one copy of effect", effects.length === 1 ? "" : effects.join("\n"))

  const { code: lintCode, output: lint } = await run(project, [
    bun,
    "x",
    "publint",
    "run",
    tarball,
    "--strict"
  ])
  report("publint finds no problem", lintCode === 0 && lint.includes("All good!") ? "" : lint)
  const attw = [bun, "x", "attw", tarball, "--profile", "esm-only", "--format", "ascii"]
  const { code: typesCode, output: typed } = await run(project, attw)
  report("attw resolves the types of every entry", typesCode === 0 ? "" : typed)

  const files = [...filesOf(page), ...(await exampleFiles())]
  for (const [name, text] of files) {
    await mkdir(dirname(join(project, name)), { recursive: true })
    await writeFile(join(project, name), text)
  }
  const entries = ["tools", "api"].map((entry) => `export * as ${entry} from "manifold/${entry}"\n`)
  await writeFile(join(project, "names.ts"), `export * from "manifold"\n${entries.join("")}`)
  const internal = Object.entries(manifest.exports).flatMap(([path, target]) =>
    target === null ? [path.slice("./".length, -"*".length)] : []
  )
  const layerNames = packed.flatMap((path) => {
    const [, name] = /^package\/types\/(layers\/.+)\.d\.ts$/.exec(path) ?? []
    const isInternal = internal.some((folder) => name?.startsWith(folder))
    return name === undefined || isInternal ? [] : [`import "manifold/${name}"\n`]
  })
  await writeFile(join(project, "layerNames.ts"), layerNames.join(""))
  report("every layer has declarations", layerNames.length > 300 ? "" : `${layerNames.length} layers`)

  const sources = files.map(([file]) => file).filter((file) => file.endsWith(".ts"))
  for (const compiler of Object.keys(compilers)) {
    for (const { files: checked, name, options, within } of checksOf(sources)) {
      await writeFile(
        join(project, "tsconfig.json"),
        JSON.stringify({ compilerOptions: options, files: checked })
      )
      const { code, output } = await run(project, [bun, `node_modules/${compiler}/bin/tsc`, "-p", "."])
      const lines = output.split("\n").filter((line) => within === undefined || line.includes(within))
      const problems = lines.slice(0, 20).join("\n").trim()
      report(
        `${compiler}, ${name}`,
        within === undefined && code !== 0 ? problems || `exit code ${code}` : problems
      )
    }
  }

  // A wrong use must be an error: declarations that are `any` would let everything pass.
  const wrong = [
    'import { serve } from "manifold"; serve({ name: "x" })',
    'import { prompt } from "manifold"; prompt({ name: "x", arguments: { a: {} }, get: ({ b }) => b })',
    'import { Progress } from "manifold"; const n: number = Progress',
    'import { server } from "manifold"; const n: number = server({ name: "x", version: "1" })'
  ]
  for (const [index, text] of wrong.entries()) {
    await writeFile(join(project, "wrong.ts"), `${text}\nexport {}\n`)
    const options = { ...base, ...resolutions.bundler, types: [] }
    await writeFile(
      join(project, "tsconfig.json"),
      JSON.stringify({ compilerOptions: options, files: ["wrong.ts"] })
    )
    const { output } = await run(project, [bun, "node_modules/typescript-7/bin/tsc", "-p", "."])
    report(`wrong use ${index + 1} is an error`, output.includes("wrong.ts") ? "" : text)
  }

  const list = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" })
  const served = await run(project, [bun, "server.ts"], `${list}\n`)
  const tools = /"tools":\[\{"name":"greet"/.test(served.stdout) && !served.stdout.includes("math.add")
  report("the installed server serves its own tool", tools ? "" : served.output)
  const add = ["call", "math.add", "--arg", "a=2", "--arg", "b=3"]
  const binary = await run(project, ["node_modules/.bin/manifold", ...add])
  report("the installed binary runs", binary.stdout.trim() === "5" ? "" : binary.output)
  const bunx = await run(project, [bun, "x", "--no-install", "manifold", ...add])
  report("bunx runs it", bunx.stdout.trim() === "5" ? "" : bunx.output)

  const closed = await run(project, [bun, "-e", 'await import("manifold/layers/identity/oauth/provider")'])
  report("an internal layer is not exported", closed.code === 1 ? "" : closed.output)
  const guard = 'console.log(typeof (await import("manifold/layers/guard/Guard")).Guard.layer)'
  const opened = await run(project, [bun, "-e", guard])
  report("a layer is exported", opened.stdout.trim() === "object" ? "" : opened.output)

  // State of the programs must not go to the home folder of this user.
  const env = { HOME: project, XDG_STATE_HOME: "", MANIFOLD_STORAGE_DIR: "" }
  const greeting = await greet(project, env)
  report("greeter.ts serves its tool", greeting.includes("Hello Ada") ? "" : greeting)
  const shop = await visitShop(project, env)
  const isOpen =
    shop.page.startsWith("We sell") &&
    shop.answer.includes("pieces") &&
    shop.ticket.includes("mcptk_") &&
    shop.code === 0
  report("shop.ts serves its pages and its chat, and client.ts calls it", isOpen ? "" : JSON.stringify(shop))
  const mounted = await visitMounted(project, env)
  const isMounted =
    mounted.page.startsWith("The program") &&
    mounted.frames.at(-1)?.includes('"complete"') === true &&
    mounted.code === 0
  report("mounted.ts serves the chat from its own Bun.serve", isMounted ? "" : JSON.stringify(mounted))

  const followed = await run(root, [bun, "test/support/followPage.ts", "docs/from-zero-library.md"])
  report("docs/from-zero-library.md leads to a tool", followed.code === 0 ? "" : followed.output)
} finally {
  await rm(project, { recursive: true, force: true })
}

const passed = results.filter(Boolean).length
console.log(`package ${passed}/${results.length}`)
process.exitCode = passed === results.length ? 0 : 1
