/**
 * The log of all conversations as lines of `events.jsonl`, shared by processes. A process writes under an exclusive lock,
 * after it has indexed what others wrote; reading takes no lock.
 */
import { Effect, Semaphore } from "effect"
import { type ChatEvent, type ChatEventBody, isDeltaEvent } from "../ChatEvent.ts"
import { ChatStoreError } from "../ChatStore.ts"
import { encodeLine, type EventLine, type Written } from "./lines.ts"
import { loadLog } from "./loadLog.ts"
import { type Damaged, LogIndexer, type LogObserver } from "./LogIndexer.ts"
import { LogLock, unavailable } from "./LogLock.ts"
import { OwnDeltas } from "./OwnDeltas.ts"
import { Moved, type SegmentFiles } from "./SegmentFiles.ts"

const changing = new ChatStoreError({
  reason: "damaged",
  message: "Files of conversations were changed while they were read. Try again."
})

export const makeLog = Effect.fnUntraced(function* (files: SegmentFiles, observer: LogObserver) {
  const lock: LogLock = new LogLock(
    files.lockPath,
    () => {
      // What is wrong is found again under the lock, also that the file is another one. Only up to the present size: a second
      // read would continue an incomplete line with one that another process has written in its place.
      if (!indexer.isStale) indexer.catchUp()
    },
    () => own.end()
  )
  const indexer = new LogIndexer(files, lock, observer)
  const { index } = indexer
  const own = new OwnDeltas(lock, index, observer.onOwnDeltas)
  const loading = yield* Semaphore.make(1)

  const ready = loading.withPermit(
    Effect.suspend(() => (indexer.isStale ? loadLog(indexer, lock) : Effect.void))
  )

  /** A file was changed by other means: its index is made again, and then the whole index. */
  const movedTimes = () => {
    let times = 0
    return (cause: unknown) => {
      if (!(cause instanceof Moved)) throw cause
      indexer.isStale = true
      if (++times === 2) indexer.startAgain()
      if (times > 2) throw changing
    }
  }

  const transact = <A>(what: string, use: () => A): Effect.Effect<A, ChatStoreError> => {
    let moved: ((cause: unknown) => void) | undefined
    /** Under the lock. Undefined: the files must be indexed again. */
    const current = () => {
      try {
        own.end()
        const size = indexer.isSettled ? files.active?.position : files.activeSize
        if (size !== undefined) {
          indexer.settle(size)
          return { value: use() }
        }
        indexer.isStale = true
      } catch (cause) {
        moved ??= movedTimes()
        moved(cause)
      }
      return undefined
    }
    const once: Effect.Effect<A, ChatStoreError> = Effect.suspend(() =>
      indexer.isStale
        ? Effect.andThen(ready, once)
        : Effect.flatMap(lock.run(what, current), (done) =>
            done === undefined ? once : Effect.succeed(done.value)
          )
    )
    return Effect.suspend(() => {
      try {
        const done = indexer.isStale ? undefined : lock.now(current)?.value
        if (done !== undefined) return Effect.succeed(done.value)
      } catch (cause) {
        return Effect.fail(cause instanceof ChatStoreError ? cause : unavailable(what, cause))
      }
      return Effect.uninterruptible(once)
    })
  }

  const query = <A>(use: () => A): Effect.Effect<A, ChatStoreError> => {
    const moved = movedTimes()
    const once: Effect.Effect<A, ChatStoreError> = Effect.suspend(() => {
      if (indexer.isStale) return Effect.andThen(ready, once)
      try {
        own.end()
        const size = files.activeSize
        if (size === undefined) indexer.isStale = true
        else return indexer.catchUp(size) ? Effect.succeed(use()) : transact("read", use)
      } catch (cause) {
        try {
          moved(cause)
        } catch (error) {
          return Effect.fail(error instanceof ChatStoreError ? error : unavailable("read", error))
        }
      }
      return once
    })
    return once
  }

  return {
    index,
    files,
    /** Runs `use` alone among all processes. It may throw `ChatStoreError`. */
    transact,
    /** Runs `use` with everything indexed that was written before. It must not write. */
    query,
    /** Under the lock: appends lines and indexes them. */
    write: ({ buffer, size }: Written, lines: ReadonlyArray<readonly [EventLine, number]>) => {
      if (files.active === undefined) {
        files.makeFolder()
        files.replaceActive(Math.max(0, ...files.sealed.keys()) + 1)
      }
      const { active } = files
      if (active === undefined) return
      active.file.append(buffer, active.position, size)
      for (const [line, length] of lines) {
        index.add(line, { segment: active.segment, offset: active.position, length })
        active.position += length
      }
    },
    /** Under the lock, after `write`: if `last` is a delta, others of its message may follow until the file is large. */
    beginMessage: (last: ChatEvent | undefined, maxSize: number) => {
      if (last !== undefined && isDeltaEvent(last) && files.active !== undefined) {
        own.begin(last, files.active, maxSize)
      }
    },
    /** Appends the next delta of a message. Undefined: it is something else, which `transact` must append. */
    continueMessage: (
      conversation: string,
      events: ReadonlyArray<ChatEventBody>,
      now: () => string
    ): Effect.Effect<ReadonlyArray<ChatEvent>, ChatStoreError> | undefined => {
      const [event] = events
      if (event === undefined || events.length > 1 || !isDeltaEvent(event) || indexer.isStale)
        return undefined
      try {
        const delta = own.append(conversation, event, now)
        return delta === undefined ? undefined : Effect.succeed([delta])
      } catch (cause) {
        return Effect.fail(unavailable("written", cause))
      }
    },
    /** Under the lock: removes the conversation and erases what was said. */
    remove: (id: string, timestamp: string) => {
      const { active } = files
      const found = index.conversations.get(id)
      if (active === undefined || found === undefined) return
      const places = [...found.extents, ...found.superseded]
      files.verify(places)
      const line = encodeLine({ type: "conversation_removed", conversation: id, timestamp })
      active.file.append(line, active.position)
      active.position += line.length
      index.remove(id)
      observer.onRemoved(id)
      files.erase(places)
    },
    /** Everything is indexed again at the next use. */
    reset: () => {
      indexer.startAgain()
      indexer.isStale = true
    },
    /** Under the lock: quarantines lines that were found to be damaged when they were read. */
    quarantine: (found: ReadonlyArray<Damaged>) => indexer.quarantine(found),
    close: () => {
      lock.close()
      files.close()
    }
  }
})
export type JsonlLog = Effect.Success<ReturnType<typeof makeLog>>
