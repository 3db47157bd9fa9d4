/** Starts child processes, each in a process group that ends with its scope. Node's implementation is loaded with the first one. */
import { Effect, type FileSystem, Layer, type Path } from "effect"
import { ChildProcessSpawner, make } from "effect/process/ChildProcessSpawner"

export const layer = Layer.effect(
  ChildProcessSpawner,
  Effect.gen(function* () {
    const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
    const node = yield* Effect.cached(
      Effect.flatMap(
        Effect.promise(() => import("@effect/platform-node-shared/NodeChildProcessSpawner")),
        (loaded) => Effect.provide(ChildProcessSpawner, loaded.layer)
      ).pipe(Effect.provideContext(context))
    )
    return make((command) => Effect.flatMap(node, ({ spawn }) => spawn(command)))
  })
)
