/** Compiles a program into one file, as `bun run build` does, while the scope is open. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

const root = join(import.meta.dir, "../../..")
const manifest = (await Bun.file(join(root, "package.json")).json()) as { scripts: { build: string } }

/** The build script's arguments, with other entry points and another output. */
const command = (entries: ReadonlyArray<string>, output: string) => {
  const flags = manifest.scripts.build
    .replaceAll("'", "")
    .split(" ")
    .filter((word) => word.startsWith("--") && word !== "--outfile")
  return [process.execPath, "build", ...flags, ...entries, "--outfile", output]
}

/** What `bun run build` compiles. */
export const ownEntries = manifest.scripts.build
  .split(" ")
  .filter((word) => word.endsWith(".ts"))
  .map((path) => join(root, path))

export const compiled = async (
  scope: AsyncDisposableStack,
  entries: ReadonlyArray<string>
): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "manifold-bench-binary-"))
  scope.defer(() => rm(folder, { recursive: true, force: true }))
  const output = join(folder, "program")
  const build = Bun.spawn(command(entries, output), { cwd: root, stdout: "ignore", stderr: "pipe" })
  const [said, code] = await Promise.all([build.stderr.text(), build.exited])
  if (code !== 0) throw new Error(said.trim().split("\n").at(-1))
  return output
}
