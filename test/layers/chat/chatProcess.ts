/** A process that runs turns on shared conversations until it is killed: `bun chatProcess.ts FOLDER NAME SEED`. */
import { writeSync } from "node:fs"
import { Duration, Effect, Logger, Random } from "effect"
import * as jsonl from "../../../layers/chat/jsonl/jsonlStore.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { completed, delta, limits, turn } from "../../support/chatStores.ts"

const [folder = "", name = "", seed = "0", segment = "20000"] = process.argv.slice(2)

/** Writes each acknowledged event to standard output, which the test reads: in one call each, which a kill does not cut. */
const acknowledge = (events: ReadonlyArray<{ readonly conversation: string; readonly seq: number }>) =>
  Effect.sync(() => {
    for (const { conversation, seq } of events) writeSync(1, `${conversation} ${seq}\n`)
  })

await Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* jsonl.make(folder, {
        ...limits,
        fsync: "never",
        segment_bytes: Number(segment),
        retention: Duration.days(400)
      })
      for (let number = 0; ; number++) {
        const request = `${name}-${number}`
        const conversation = `shared-${yield* Random.nextIntBetween(0, 6)}`
        const begun = yield* Effect.result(
          store.begin({ ...turn("ada", request, "x".repeat(200), conversation), create: true })
        )
        if (begun._tag === "Failure") {
          if (begun.failure.reason !== "running") return yield* begun.failure
          continue
        }
        if (begun.success._tag === "started") yield* acknowledge(begun.success.events)
        const parts = yield* Random.nextIntBetween(1, 6)
        for (let part = 0; part < parts; part++) {
          const events = [delta(request, `${part}`), delta(request, "y".repeat(100))]
          yield* acknowledge(yield* store.append(conversation, events))
          // Deltas that follow each other in one job.
          for (let more = 0; more < part; more++) {
            yield* acknowledge(yield* store.append(conversation, [delta(request, "z".repeat(50))]))
          }
        }
        yield* acknowledge(yield* store.append(conversation, [completed(request)]))
      }
    })
  ).pipe(
    Effect.provide(Ids.layer),
    Random.withSeed(seed),
    // Such as of a line that a kill cut, which the next process removes.
    Effect.provideService(Logger.LogToStderr, true)
  )
)
