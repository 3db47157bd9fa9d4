/** Groups requests that wait for the database: all that arrive while one group is stored are the next group. */
import { Deferred, Effect, Result } from "effect"

/** Maximum number of requests that one transaction stores. */
const mostRequests = 200

interface Pending<In, Out, E> {
  readonly request: In
  readonly done: Deferred.Deferred<Out, E>
}

/**
 * `store`: one result for each request. The returned function fails with `closed` after the scope has closed. A request
 * whose caller is interrupted while it waits is dropped.
 */
export const makeBatches = Effect.fnUntraced(function* <In, Out, E>(
  store: (requests: ReadonlyArray<In>) => Effect.Effect<ReadonlyArray<Result.Result<Out, E>>, E>,
  closed: E
) {
  const scope = yield* Effect.scope
  let pending: Array<Pending<In, Out, E>> = []
  let isStoring = false
  let isClosed = false

  const failAll = (all: ReadonlyArray<Pending<In, Out, E>>, error: E) =>
    Effect.forEach(all, ({ done }) => Deferred.fail(done, error), { discard: true })

  const storeAll = Effect.gen(function* () {
    while (pending.length > 0) {
      const group = pending.slice(0, mostRequests)
      pending = pending.slice(mostRequests)
      yield* store(group.map(({ request }) => request)).pipe(
        Effect.matchEffect({
          onFailure: (error) => failAll(group, error),
          onSuccess: (results) =>
            Effect.forEach(
              group,
              ({ done }, index) => {
                const result = results[index]
                return result === undefined
                  ? Deferred.fail(done, closed)
                  : Deferred.complete(done, Effect.fromResult(result))
              },
              { discard: true }
            )
        }),
        // Without effect on those that are complete: for interruptions and defects.
        Effect.ensuring(failAll(group, closed))
      )
    }
  }).pipe(Effect.ensuring(Effect.sync(() => (isStoring = false))))

  yield* Effect.addFinalizer(() => {
    isClosed = true
    return failAll(pending.splice(0), closed)
  })

  return Effect.fnUntraced(function* (request: In): Effect.fn.Return<Out, E> {
    if (isClosed) return yield* Effect.fail(closed)
    const item = { request, done: yield* Deferred.make<Out, E>() }
    pending.push(item)
    if (!isStoring) {
      isStoring = true
      yield* Effect.forkIn(storeAll, scope)
    }
    return yield* Effect.onInterrupt(Deferred.await(item.done), () =>
      Effect.sync(() => (pending = pending.filter((other) => other !== item)))
    )
  })
})
