/** The response to a stateless request: JSON, or a stream once there is something to send before the result. */
import { expect, test } from "bun:test"
import { Hold, Quota } from "../../../layers/quotas/Quota.ts"
import { Backlog } from "../../../layers/transports/Backlog.ts"
import { StatelessExchange } from "../../../layers/transports/StatelessExchange.ts"

const result = { jsonrpc: "2.0", id: 1, result: {} } as const
const data = `event: message\ndata: ${JSON.stringify(result)}\n\n`

/** `mostWaiting`: bytes that a reader may leave unread. */
const exchange = (mostWaiting = 1024) => {
  const ends: Array<string> = []
  const unlimited = new Quota({ principal: Infinity, total: Infinity })
  const each = new StatelessExchange({
    makeBacklog: () =>
      new Backlog({ mostWaiting, unreadTimeout: Infinity, now: () => 0 }, new Hold(unlimited, "anyone")),
    report: ({ message }) => ends.push(message),
    onEnd: () => ends.push("ended")
  })
  each.interrupt = () => ends.push("interrupted")
  return { each, ends }
}

const read = async (response: Response | Promise<Response>) => {
  const { headers, status } = await response
  return { status, type: headers.get("content-type"), text: await (await response).text() }
}

test("a response that is ready at once is JSON, with the status of its failure", async () => {
  const { each, ends } = exchange()
  each.respond(result, { code: 429, status: 429, message: "", headers: { "retry-after": "1" } })
  expect(each.response).toBeInstanceOf(Response)
  expect((await each.response).headers.get("retry-after")).toBe("1")
  expect(await read(each.response)).toEqual({
    status: 429,
    type: "application/json",
    text: JSON.stringify(result)
  })
  expect(ends).toEqual(["ended"])
})

test("a later response is JSON as well", async () => {
  const { each } = exchange()
  const { response } = each
  expect(response).toBeInstanceOf(Promise)
  each.tick()
  each.respond(result)
  expect(await read(response)).toMatchObject({ status: 200, type: "application/json" })
})

test("notifications come before the response, on a stream", async () => {
  const { each, ends } = exchange()
  const { response } = each
  each.notify('{"first":1}')
  each.notify('{"second":2}')
  each.respond(result)
  each.notify('{"late":3}')
  each.respond(result)
  expect(await read(response)).toEqual({
    status: 200,
    type: "text/event-stream",
    text: `event: message\ndata: {"first":1}\n\nevent: message\ndata: {"second":2}\n\n${data}`
  })
  expect(ends).toEqual(["ended"])
})

test("a slow response becomes a stream with comments", async () => {
  const { each } = exchange()
  const { response } = each
  for (let interval = 1; interval <= 3; interval++) each.tick()
  each.respond(result)
  expect(await read(response)).toMatchObject({ text: `: keepalive\n\n: keepalive\n\n${data}` })
})

test("an end from outside interrupts the handler, and sends its response if none has begun", async () => {
  const waiting = exchange()
  const { response } = waiting.each
  waiting.each.abort(new Response("ended", { status: 401 }))
  waiting.each.respond(result)
  waiting.each.abort()
  expect(await read(response)).toMatchObject({ status: 401, text: "ended" })
  expect(waiting.ends).toEqual(["ended", "interrupted"])
  expect(waiting.each.gone()).toBe(true)

  const streaming = exchange()
  streaming.each.notify("{}")
  const stream = streaming.each.response
  streaming.each.abort(new Response("ended", { status: 401 }))
  expect(await read(stream)).toMatchObject({ status: 200, text: "event: message\ndata: {}\n\n" })
  expect(streaming.ends).toEqual(["ended", "interrupted"])
})

test("a reader that disconnects, or reads too slowly, interrupts the handler", async () => {
  const left = exchange()
  left.each.notify("{}")
  await (await left.each.response).body?.cancel()
  expect(left.ends).toEqual(["ended", "interrupted"])

  const slow = exchange(10)
  slow.each.notify("{}")
  slow.each.notify("{}")
  expect(slow.ends).toEqual(["ended", "interrupted"])
})

test("a result that JSON cannot represent is an internal error", async () => {
  const { each, ends } = exchange()
  const circular: Record<string, unknown> = {}
  circular["self"] = circular
  each.respond({ jsonrpc: "2.0", id: 1, result: circular })
  expect(JSON.parse((await read(each.response)).text)).toMatchObject({ id: 1, error: { code: -32603 } })
  expect(ends).toEqual(["cannot serialize a response as JSON", "ended"])
})
