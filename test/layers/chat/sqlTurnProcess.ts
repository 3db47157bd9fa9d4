/** A process that runs one turn after the other, and prints each event that was acknowledged: its `seq` and its text. */
import { Duration, Effect, Logger } from "effect"
import type { StorageSettings } from "../../support/databases.ts"
import { completed, delta, sqlShared, turn } from "../../support/chatStores.ts"

interface Task {
  readonly storage: StorageSettings
  readonly conversation: string
  /** In ms. */
  readonly lease: number
}

const { conversation, lease, storage } = JSON.parse(process.env["TASK"] ?? "") as Task
const deltasOfTurn = 5

const program = Effect.gen(function* () {
  const { store } = yield* sqlShared(storage, { lease: Duration.millis(lease) }).start
  for (let number = 0; ; number++) {
    const requestId = `${conversation}-${number}`
    yield* store.begin({ ...turn("ada", requestId, "Hello", conversation), create: true })
    for (let at = 0; at < deltasOfTurn; at++) {
      const events = yield* store.append(conversation, [
        delta(requestId, `${number}.${at}a`),
        delta(requestId, `${number}.${at}b`)
      ])
      for (const event of events) {
        if (event.type === "text_delta") process.stdout.write(`${event.seq} ${event.text}\n`)
      }
    }
    yield* store.append(conversation, [completed(requestId)])
  }
})

await Effect.runPromise(Effect.provideService(program, Logger.LogToStderr, true))
