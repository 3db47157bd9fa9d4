/** A program for tests of the pipe: echoes its input in upper case, and prints in every way that a library can. */
import { Console, Effect, Stream } from "effect"
import { runMain } from "../../layers/platform/Platform.ts"
import { StdioPipe } from "../../layers/platform/StdioPipe.ts"

const chatter = Effect.gen(function* () {
  yield* Console.log("noise of effect's console")
  yield* Effect.sync(() => {
    console.log("noise of log")
    console.info("noise of info")
    console.debug("noise of debug")
    console.dir({ noise: "of dir" })
    console.table([{ noise: "of table" }])
    console.group("noise of group")
    console.groupEnd()
    console.count("noise of count")
    console.trace("noise of trace")
    console.write("noise of write\n")
    process.stdout.write("noise of stdout\n")
  })
})

const echo = Effect.gen(function* () {
  const pipe = yield* StdioPipe
  yield* chatter
  yield* Effect.promise(() => pipe.write("ready\n"))
  yield* Stream.runForEach(Stream.decodeText(pipe.input), (text) =>
    Effect.tryPromise(() => pipe.write(text.toUpperCase())).pipe(
      Effect.catch(({ cause }) => Console.error(`rejected: ${String(cause)}`))
    )
  )
}).pipe(Effect.provide(StdioPipe.layer))

runMain(Effect.andThen(echo, Console.log("after the guard")))
