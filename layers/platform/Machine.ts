/** Operating system, Bun version, free disk space, and the command that starts this program. */
import { dirname } from "node:path"
import { Context, Effect, Layer, PlatformError } from "effect"
import { freeBytes } from "./freeSpace.ts"

export interface Launch {
  /** Absolute path of an executable. */
  readonly command: string
  readonly args: ReadonlyArray<string>
}

/**
 * Before a program runs, Bun reads `.env`, `bunfig.toml` (`preload` runs code) and `tsconfig.json` (`paths` replaces
 * modules) in the working folder. `--cwd` makes the program's folder the working folder.
 */
const trusted = (source: string) => [`--cwd=${dirname(source)}`, "--no-env-file"]

export class Machine extends Context.Service<
  Machine,
  {
    /** `process.platform`: `linux`, `darwin`, `win32`. */
    readonly os: string
    /** Whether this process runs as root. */
    readonly isRoot: boolean
    /** User id of this process; undefined on Windows. */
    readonly uid: number | undefined
    /** Bun's version. */
    readonly bun: string
    /** Whether this is the compiled binary. */
    readonly compiled: boolean
    /**
     * The command that starts this program in any folder without running code of that folder; further arguments follow
     * `args`. From source, the process runs in the program's folder, so relative paths must be made absolute.
     */
    readonly launch: Launch
    /** Free bytes for this user on the file system of `path`, which must exist. */
    readonly freeBytes: (path: string) => Effect.Effect<number, PlatformError.PlatformError>
  }
>()("manifold/platform/Machine") {
  static readonly layer = Layer.sync(Machine, () =>
    Machine.of({
      os: process.platform,
      isRoot: process.getuid?.() === 0,
      uid: process.getuid?.(),
      bun: Bun.version,
      compiled: Bun.isStandaloneExecutable,
      launch: {
        command: process.execPath,
        args: Bun.isStandaloneExecutable ? [] : [...trusted(dirname(Bun.main)), Bun.main]
      },
      freeBytes: (path) =>
        Effect.tryPromise({
          try: () => freeBytes(path),
          catch: (cause) =>
            PlatformError.systemError({
              _tag: "Unknown",
              module: "Machine",
              method: "freeBytes",
              pathOrDescriptor: path,
              cause
            })
        })
    })
  )

  /** A Linux machine with a compiled `/usr/local/bin/manifold`, overridden by `given`. */
  static readonly layerTest = (given: Partial<Machine["Service"]> = {}) =>
    Layer.succeed(
      Machine,
      Machine.of({
        os: "linux",
        isRoot: false,
        uid: 1000,
        bun: "1.4.5",
        compiled: true,
        launch: { command: "/usr/local/bin/manifold", args: [] },
        freeBytes: () => Effect.succeed(2 ** 40),
        ...given
      })
    )
}
