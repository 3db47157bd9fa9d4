/** Processes that are killed in the middle of their turns: no acknowledged event is lost, and each turn is ended once. */
import { expect } from "bun:test"
import { Effect, Random, Stream } from "effect"
import { onEachDatabase, type StorageSettings } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { sqlShared } from "../../support/chatStores.ts"

/** A long run is for CI: `MANIFOLD_LONG_TESTS=1`. */
const rounds = process.env["MANIFOLD_LONG_TESTS"] === undefined ? 1 : 125
const processes = 4
/** In ms. */
const lease = 500
/** Acknowledged events after which a process is killed, at most. */
const mostLines = 40

const program = new URL("sqlTurnProcess.ts", import.meta.url).pathname

interface Acknowledged {
  readonly conversation: string
  /** Text by `seq`. */
  readonly texts: ReadonlyMap<number, string>
}

/** Runs a process, and kills it after a random number of events. Returns all events that it has seen acknowledged. */
const killed = Effect.fnUntraced(function* (storage: StorageSettings, conversation: string) {
  const most = yield* Random.nextIntBetween(1, mostLines)
  return yield* Effect.promise(async (): Promise<Acknowledged> => {
    const child = Bun.spawn([process.execPath, program], {
      env: { TASK: JSON.stringify({ storage, conversation, lease }) },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit"
    })
    let output = ""
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      output += text
      if (output.split("\n").length > most) child.kill("SIGKILL")
    }
    await child.exited
    const whole = output.slice(0, output.lastIndexOf("\n"))
    return {
      conversation,
      texts: new Map(
        whole.split("\n").map((line): [number, string] => {
          const [seq = "", text = ""] = line.split(" ")
          return [Number(seq), text]
        })
      )
    }
  })
})

onEachDatabase("turns of processes that are killed", (database) => {
  it.live(
    "keep each acknowledged event, and are ended once",
    () =>
      Effect.gen(function* () {
        const storage = yield* database
        const observers = yield* Effect.replicateEffect(sqlShared(storage).start, 2)
        yield* Effect.addFinalizer(() => Effect.forEach(observers, ({ end }) => end, { discard: true }))
        for (let round = 0; round < rounds; round++) {
          const all = yield* Effect.forEach(
            Array.from({ length: processes }, (_, index) => `c-${round}-${index}`),
            (conversation) => killed(storage, conversation),
            { concurrency: "unbounded" }
          )
          for (const { conversation, texts } of all) {
            // Both notice the death of the process, and one of them ends its turn.
            const seen = yield* Effect.forEach(
              observers,
              ({ store }) =>
                Effect.gen(function* () {
                  yield* store.watch(conversation, 0).pipe(
                    Stream.takeUntilEffect(() =>
                      Effect.map(store.find(conversation), (info) => info?.running === undefined)
                    ),
                    Stream.runDrain
                  )
                  return yield* store.read(conversation, { limit: Number.MAX_SAFE_INTEGER })
                }),
              { concurrency: "unbounded" }
            )
            for (const events of seen) {
              expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
              const bySeq = new Map(events.map((event) => [event.seq, event]))
              for (const [seq, text] of texts)
                expect(bySeq.get(seq)).toMatchObject({ type: "text_delta", text })
              const begun = events.filter(({ type }) => type === "user_message").length
              const completed = events.filter(({ type }) => type === "turn_completed").length
              const interrupted = events.flatMap((event) =>
                event.type === "turn_failed" ? [event.error.data] : []
              )
              expect(interrupted).toEqual(begun > completed ? [{ reason: "interrupted" }] : [])
              expect(begun - completed <= 1).toBe(true)
            }
            expect(seen[0]).toEqual(seen[1] ?? [])
          }
        }
      }),
    1_700_000
  )
})
