/** A service whose state folder is on a small file system that only its process sees. */
import { test } from "bun:test"
import { Effect } from "effect"
import { appendFileSync, rmSync } from "node:fs"
import { stateFolder } from "./databases.ts"
import { it } from "./effect.ts"
import { servingProcess, type ServingOptions } from "./servingProcess.ts"
import { manifold } from "./stdio.ts"

/** Whether this user may mount file systems: on Linux, as root. */
const canMount = Bun.spawnSync(["unshare", "--mount", "true"]).exitCode === 0

/** `it.live` for tests with a small disk. */
export const itWithDisk: typeof it.live = canMount
  ? it.live
  : (name) => test.skip(`${name} (skipped: needs a user who may mount a file system)`, () => {})

const fillIt = 'cat /dev/zero > "$0/filler" 2> /dev/null;'

const mount = (folder: string, { full = false, size }: Disk) => [
  "unshare",
  "--mount",
  "sh",
  "-c",
  `mount -t tmpfs -o size=${size} tmpfs "$0" && { ${full ? fillIt : ""} exec "$@"; }`,
  folder
]

interface Disk {
  /** As of mount(8). */
  readonly size: string
  /** Whether it has no free byte when the service starts. */
  readonly full?: boolean
}

export const smallDisk = Effect.fnUntraced(function* (
  about: Disk,
  options: Omit<ServingOptions, "config" | "within"> & { readonly config: Readonly<Record<string, unknown>> }
) {
  const disk = yield* stateFolder
  const dir = `${disk}/state`
  const config = { ...options.config, storage: { dir } }
  const service = yield* servingProcess({ ...options, config, within: mount(disk, about) })
  /** The disk as this process sees it. */
  const seen = `/proc/${service.child.pid}/root${disk}`
  const filler = `${seen}/filler`
  return {
    ...service,
    dir,
    seen,
    /** Leaves no free byte. */
    fill: Effect.sync(() => {
      for (const bytes of [2 ** 16, 4096, 1]) {
        try {
          for (;;) appendFileSync(filler, new Uint8Array(bytes))
        } catch (error) {
          if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error
        }
      }
    }),
    free: Effect.sync(() => rmSync(filler)),
    /** Runs a command that sees the disk. */
    run: (args: ReadonlyArray<string>) =>
      manifold(args, {
        env: { MCP_CONFIG_JSON: JSON.stringify(config) },
        within: ["nsenter", `--mount=/proc/${service.child.pid}/ns/mnt`]
      })
  }
})
