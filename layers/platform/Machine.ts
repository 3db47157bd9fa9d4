/** What the program can ask about the machine that runs it, and about itself. */
import { statfs } from "node:fs/promises"
import { Context, Effect, Layer, PlatformError } from "effect"

export interface Launch {
  /** Absolute path of an executable. */
  readonly command: string
  readonly args: ReadonlyArray<string>
}

export class Machine extends Context.Service<
  Machine,
  {
    /** As Node names it: `linux`, `darwin`, `win32`. */
    readonly os: string
    /** Bun's version. */
    readonly bun: string
    /** Whether this is the compiled binary. */
    readonly compiled: boolean
    /** How to start this same program; words of a command line follow `args`. */
    readonly launch: Launch
    /** Bytes that this user may still write where `path` (which exists) is. */
    readonly freeBytes: (path: string) => Effect.Effect<number, PlatformError.PlatformError>
  }
>()("manifold/platform/Machine") {
  static readonly layer = Layer.sync(Machine, () =>
    Machine.of({
      os: process.platform,
      bun: Bun.version,
      compiled: Bun.isStandaloneExecutable,
      launch: { command: process.execPath, args: Bun.isStandaloneExecutable ? [] : [Bun.main] },
      freeBytes: (path) =>
        Effect.tryPromise({
          try: async () => {
            const { bavail, bsize } = await statfs(path)
            return bavail * bsize
          },
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

  /** A Linux machine with a compiled `/usr/local/bin/manifold`, but for what is given. */
  static readonly layerTest = (given: Partial<Machine["Service"]> = {}) =>
    Layer.succeed(
      Machine,
      Machine.of({
        os: "linux",
        bun: "1.4.5",
        compiled: true,
        launch: { command: "/usr/local/bin/manifold", args: [] },
        freeBytes: () => Effect.succeed(2 ** 40),
        ...given
      })
    )
}
