/** Conversations over the restart of a service, as clients of `/ws/chat` see them. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { ask, chatService, chatSocket, script, until } from "../support/chat.ts"
import { stateFolder } from "../support/databases.ts"
import { it } from "../support/effect.ts"

it.live("a service that is started again continues its conversations, and runs no turn twice", () =>
  Effect.gen(function* () {
    const storage = { dir: yield* stateFolder }
    const { requests, url } = yield* script(["one"], ["two"])
    const first = yield* Effect.gen(function* () {
      const client = yield* chatSocket
      yield* client.send({ v: 1, ...ask("r1", "Hi") })
      return yield* until(client, "complete", "error")
    }).pipe(Effect.scoped, Effect.provide(chatService(url, { storage })))

    yield* Effect.gen(function* () {
      const client = yield* chatSocket
      yield* client.send({ v: 1, ...ask("r1", "Hi") })
      const again = yield* until(client, "complete", "error")
      const own = first.filter(({ request_id }) => request_id === "r1")
      expect(again.map(({ seq, status }) => [seq, status])).toEqual(
        own.map(({ seq, status }) => [seq, status])
      )
      expect(requests).toHaveLength(1)
      const id = again.at(-1)?.["conversation_id"]
      yield* client.send({ v: 1, ...ask("r2", "More"), conversation_id: id })
      yield* until(client, "complete", "error")
      expect(JSON.stringify(requests[1]?.body)).toContain("one")
    }).pipe(Effect.scoped, Effect.provide(chatService(url, { storage })))
  })
)
