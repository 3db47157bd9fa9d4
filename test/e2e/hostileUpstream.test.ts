/** An upstream server that misbehaves in every message is served as far as it is well, and harms nothing else. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { Effect, type Layer, ManagedRuntime } from "effect"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { stdioUser } from "../../src/domain/Principal.ts"
import { callTool } from "../support/callTool.ts"
import { service } from "../support/service.ts"

const program = new URL("../support/hostileUpstream.ts", import.meta.url).pathname

const server = { command: process.execPath, args: [program] }

let runtime: ManagedRuntime.ManagedRuntime<Layer.Success<ReturnType<typeof service>>, unknown>

beforeAll(() => {
  runtime = ManagedRuntime.make(
    service({
      mcp: { connection: { ping_after: "200 millis" } },
      mcpServers: { hostile: server, freezing: { ...server, time_limit: "2 seconds" } }
    })
  )
})
afterAll(() => runtime.dispose())

const call = (name: string, on = "hostile") =>
  runtime.runPromise(Effect.result(callTool(`${on}__${name}`, {})))
const listsSoFar = async () => {
  const result = await call("fine")
  return Number(Object(result).success.content[0].text)
}

test("garbage on its output and malformed definitions are left out, and its other tools are served", async () => {
  const catalog = await runtime.runPromise(Catalog)
  const { items } = await runtime.runPromise(catalog.tools(stdioUser))
  const names = items.map(({ name }) => name).filter((name) => name.startsWith("hostile__"))
  expect(names).toEqual([
    "hostile__fine",
    "hostile__flood",
    "hostile__freeze",
    "hostile__large",
    "hostile__malformed",
    "hostile__pid",
    "hostile__twice"
  ])
  expect((await runtime.runPromise(catalog.prompts(stdioUser))).items.map(({ name }) => name)).not.toContain(
    "hostile__p"
  )
})

test("a malformed result is an error of that call", async () => {
  expect(await call("malformed")).toMatchObject({
    _tag: "Failure",
    failure: { _tag: "Failed", reason: "UpstreamError" }
  })
})

test("a result above the message limit fails its call at once, and no other", async () => {
  const [large, fine] = await Promise.all([call("large"), call("fine")])
  expect(large).toMatchObject({
    _tag: "Failure",
    failure: { _tag: "Failed", detail: expect.stringContaining("more than 4194304 bytes") }
  })
  expect(fine).toMatchObject({ _tag: "Success" })
})

test("a second response to a request is ignored", async () => {
  expect(await call("twice")).toMatchObject({ _tag: "Success" })
  expect(await call("fine")).toMatchObject({ _tag: "Success" })
})

test("of 5,000 announced changes most are answered by the same reading of its lists", async () => {
  const before = await listsSoFar()
  await call("flood")
  // Each call gives waiting readings of the lists time to be sent.
  for (let calls = 0; calls < 200; calls++) await call("fine")
  expect((await listsSoFar()) - before).toBeLessThan(50)
})

test("a process that hangs is replaced by another one, and calls succeed again", async () => {
  const pid = async () => {
    const result = await call("pid", "freezing")
    return Object(result).success?.content[0].text
  }
  const before = await pid()
  expect(before).toMatch(/^\d+$/)
  expect(await call("freeze", "freezing")).toMatchObject({ _tag: "Failure", failure: { _tag: "TimedOut" } })
  // A call that is on its way to the old process ends with it.
  const after = (await pid()) ?? (await pid())
  expect(after).toMatch(/^\d+$/)
  expect(after).not.toBe(before)
})
