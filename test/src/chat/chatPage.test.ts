/** The page on chat: its requests are accepted, and its frames are those of the schema. */
import { expect, test } from "bun:test"
import { Effect, Schema } from "effect"
import { decodeRequest } from "../../../src/chat/requests.ts"
import { blocksOf, select } from "../../support/codeBlocks.ts"
import { storedFrames } from "../../support/chatFrames.ts"

const page = await Bun.file(new URL("../../../docs/chat.md", import.meta.url)).text()

const parsed = (text: string): ReadonlyArray<unknown> => {
  try {
    return [JSON.parse(text)]
  } catch {
    // A part of it is left out.
    return []
  }
}

const inline = Array.from(page.matchAll(/`(\{[^`]+\})`/g), ([, code = ""]) => code)
const values = [...select(blocksOf(page), "json"), ...inline].flatMap(parsed).map((value) => Object(value))

test("requests of the page are accepted", async () => {
  const requests = values.filter((value) => "action" in value)
  expect(new Set(requests.map(({ action }) => action))).toEqual(
    new Set(["chat", "resume", "stop", "history", "ping"])
  )
  for (const request of requests) await Effect.runPromise(decodeRequest(request))
})

test("frames with v 1 of the page have the fields of the schema", () => {
  const frames = values.filter((value) => value.v === 1 && "status" in value)
  expect(frames.length).toBeGreaterThan(0)
  const decode = Schema.decodeUnknownSync(Schema.Union(storedFrames))
  for (const frame of frames) decode(frame, { onExcessProperty: "error" })
})

test("each status of the schema is on the page", () => {
  const names = storedFrames.map((frame) => {
    const { schema } = Schema.toJsonSchemaDocument(frame)
    return String(Object(Object(schema["properties"]).status)["enum"]?.[0])
  })
  expect(names).toContain("complete")
  for (const name of names) expect(page).toContain(`\`${name}\``)
})
