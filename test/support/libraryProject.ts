/** A temporary project of a library user, in which `manifold` and `effect` can be imported. */
import { Effect } from "effect"
import { mkdir, symlink } from "node:fs/promises"
import { root } from "./codeBlocks.ts"
import { home } from "./userHome.ts"

/** Writes files by path. The folder is also the home folder, so state is removed with it. */
export const project = (files: Readonly<Record<string, string>>) =>
  Effect.tap(home({ "package.json": '{"type":"module"}', ...files }), ({ path }) =>
    Effect.promise(async () => {
      await mkdir(path("node_modules"))
      await symlink(root, path("node_modules/manifold"))
      await symlink(`${root}node_modules/effect`, path("node_modules/effect"))
    })
  )
