/** Memory that bodies of responses hold, however a server divides them. */
import { expect, test } from "bun:test"
import { ResponseReader } from "../../../../layers/platform/http1/ResponseReader.ts"
import { chunk, chunked, readerOf } from "../../../support/httpPeers.ts"

const reading = () => {
  let pauses = 0
  const none = () => {}
  const reader = new ResponseReader({
    method: "GET",
    onEventStream: none,
    pause: () => pauses++,
    resume: none,
    cancel: none
  })
  return { pauses: () => pauses, push: (text: string) => reader.push(Buffer.from(text)), reader }
}

test("chunks that arrive together are one piece, which holds no more memory than its own", async () => {
  const { push, reader } = reading()
  push(chunked())
  const body = readerOf(await reader.response)
  push(`1;${"a".repeat(4000)}\r\nx\r\n`.repeat(100))
  const { value } = await body.read()
  expect(value).toEqual(Buffer.from("x".repeat(100)))
  expect(value?.buffer.byteLength).toBe(100)
})

test("many small pieces pause the server long before their bytes are many", async () => {
  const { pauses, push, reader } = reading()
  push(chunked())
  await reader.response
  let count = 0
  while (pauses() === 0) {
    push(chunk("x"))
    count++
  }
  expect(count).toBeLessThan(1100)
})

test("JSON in many small pieces is joined before it is complete", async () => {
  const { push, reader } = reading()
  push(chunked("application/json"))
  const text = JSON.stringify("x".repeat(1000))
  for (const character of text) push(chunk(character))
  push("0\r\n\r\n")
  expect(await (await reader.response).text()).toBe(text)
})
