/** Looks for events of other processes, and for processes that have died, while readers wait. */
import { Effect } from "effect"
import type { ChatStoreError } from "../ChatStore.ts"
import type { Wakers } from "../Wakers.ts"
import type { JsonlLog } from "./JsonlLog.ts"

const interval = "50 millis"
const afterFailure = "10 seconds"
/** Intervals between two checks whether the processes of running turns are alive. */
const intervalsPerCheck = 20

/**
 * `wakers`: of readers that must see the end of a turn whose process has died, which `settle` ends. Returns a function that
 * waits while events of all processes are seen.
 */
export const watchOthers = Effect.fnUntraced(function* (
  log: JsonlLog,
  wakers: Wakers,
  settle: (conversation: string) => Effect.Effect<unknown, ChatStoreError>
) {
  const scope = yield* Effect.scope
  let waiting = 0
  let isRunning = false
  const isAwaited = () => waiting > 0

  const look = (isCheck: boolean) =>
    log.query(() =>
      wakers.conversations.filter(
        (id) => isCheck && log.index.conversations.get(id)?.state.running !== undefined
      )
    )
  const loop = Effect.gen(function* () {
    for (let count = 1; isAwaited(); count++) {
      yield* Effect.sleep(interval)
      yield* look(count % intervalsPerCheck === 0).pipe(
        Effect.flatMap((running) => Effect.forEach(running, settle, { discard: true })),
        Effect.catch((error) =>
          Effect.andThen(
            Effect.logWarning(`Events of other processes are not seen: ${error.message}`),
            Effect.sleep(afterFailure)
          )
        )
      )
    }
  }).pipe(Effect.ensuring(Effect.sync(() => (isRunning = false))))

  return (wait: Effect.Effect<void>) =>
    Effect.acquireUseRelease(
      Effect.suspend(() => {
        waiting++
        if (isRunning) return Effect.void
        isRunning = true
        return Effect.asVoid(Effect.forkIn(loop, scope))
      }),
      () => wait,
      () => Effect.sync(() => waiting--)
    )
})
