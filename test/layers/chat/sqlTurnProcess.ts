/** A process that runs one turn after the other, and prints each event that was acknowledged: its `seq` and its text. */
import { Duration, Effect } from "effect"
import type { StorageSettings } from "../../support/databases.ts"
import { newTurn, startInstance, textDelta, turnCompleted } from "../../support/sqlChats.ts"

interface Task {
  readonly storage: StorageSettings
  readonly conversation: string
  /** In ms. */
  readonly lease: number
}

const { conversation, lease, storage } = JSON.parse(process.env["TASK"] ?? "") as Task
const deltasOfTurn = 5

const program = Effect.gen(function* () {
  const { store } = yield* startInstance(storage, { lease: Duration.millis(lease) })
  for (let turn = 0; ; turn++) {
    const requestId = `${conversation}-${turn}`
    yield* store.begin(newTurn(requestId, { conversation }))
    for (let at = 0; at < deltasOfTurn; at++) {
      const events = yield* store.append(conversation, [
        textDelta(requestId, `${turn}.${at}a`),
        textDelta(requestId, `${turn}.${at}b`)
      ])
      for (const event of events) {
        if (event.type === "text_delta") process.stdout.write(`${event.seq} ${event.text}\n`)
      }
    }
    yield* store.append(conversation, [turnCompleted(requestId)])
  }
})

await Effect.runPromise(Effect.scoped(program))
