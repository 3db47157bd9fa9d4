/** Compiles a program into one file, as `bun run build` does, while the scope is open. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { entries as ownPaths, flags, root } from "../../support/build/binary.ts"

/** What `bun run build` compiles. */
export const ownEntries = ownPaths.map((path) => join(root, path))

export const compiled = async (
  scope: AsyncDisposableStack,
  entries: ReadonlyArray<string>
): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "manifold-bench-binary-"))
  scope.defer(() => rm(folder, { recursive: true, force: true }))
  const output = join(folder, "program")
  const build = Bun.spawn([process.execPath, "build", ...flags, ...entries, "--outfile", output], {
    cwd: root,
    stdout: "ignore",
    stderr: "pipe"
  })
  const [said, code] = await Promise.all([build.stderr.text(), build.exited])
  if (code !== 0) throw new Error(said.trim().split("\n").at(-1))
  return output
}
