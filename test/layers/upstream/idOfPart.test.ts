/** The request that a response of excessive size answers. */
import { expect, test } from "bun:test"
import { idOfPart } from "../../../layers/upstream/PendingRequests.ts"

const cut = (message: string): [string, string] => [message.slice(0, 128), message.slice(-128)]
const text = "x".repeat(1000)

test("the id is found at the start and at the end of a response", () => {
  const result = { structuredContent: { text, id: "m1" } }
  for (const message of [
    { jsonrpc: "2.0", id: "m7", result },
    { id: "m7", jsonrpc: "2.0", result },
    { result, jsonrpc: "2.0", id: "m7" },
    { jsonrpc: "2.0", result, id: "m7" },
    { result, id: "m7", jsonrpc: "2.0" }
  ]) {
    expect(idOfPart(...cut(JSON.stringify(message)))).toBe("m7")
    expect(idOfPart(...cut(JSON.stringify(message).replaceAll(":", " : ").replaceAll(",", " , ")))).toBe("m7")
  }
})

test("an id within the result is not taken for it", () => {
  for (const result of [{ text, id: "m1" }, { structuredContent: { text, id: "m1" } }]) {
    expect(idOfPart(...cut(JSON.stringify({ jsonrpc: "2.0", result })))).toBeUndefined()
  }
  expect(idOfPart(...cut(JSON.stringify({ result: { id: "m1", text } })))).toBeUndefined()
})
