/** An upstream server that misbehaves in every message is served as far as it is well, and harms nothing else. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { Effect, type Layer, ManagedRuntime } from "effect"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { stdioUser } from "../../src/domain/Principal.ts"
import { callTool } from "../support/callTool.ts"
import { service } from "../support/service.ts"

const program = new URL("../support/hostileUpstream.ts", import.meta.url).pathname

let runtime: ManagedRuntime.ManagedRuntime<Layer.Success<ReturnType<typeof service>>, unknown>

beforeAll(() => {
  runtime = ManagedRuntime.make(
    service({ mcpServers: { hostile: { command: process.execPath, args: [program] } } })
  )
})
afterAll(() => runtime.dispose())

const call = (name: string) => runtime.runPromise(Effect.result(callTool(`hostile__${name}`, {})))
const listsSoFar = async () => {
  const result = await call("fine")
  return Number(Object(result).success.content[0].text)
}

test("garbage on its output and malformed definitions are left out, and its other tools are served", async () => {
  const catalog = await runtime.runPromise(Catalog)
  const { items } = await runtime.runPromise(catalog.tools(stdioUser))
  const names = items.map(({ name }) => name).filter((name) => name.startsWith("hostile__"))
  expect(names).toEqual(["hostile__fine", "hostile__flood", "hostile__malformed", "hostile__twice"])
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
