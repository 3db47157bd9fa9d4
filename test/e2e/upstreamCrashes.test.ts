/** A process of an upstream server that is killed while many calls run is started again, and serves the next calls. */
import { expect, test } from "bun:test"
import { Effect, ManagedRuntime } from "effect"
import { callTool } from "../support/callTool.ts"
import { service } from "../support/service.ts"

const program = new URL("../support/hostileUpstream.ts", import.meta.url).pathname

test("calls that run when the process is killed succeed or say so, and later ones reach its successor", async () => {
  const runtime = ManagedRuntime.make(
    service({
      mcp: { connection: { initial_reconnect_delay: "20 millis" } },
      mcpServers: { busy: { command: process.execPath, args: [program] } }
    })
  )
  const pid = () => runtime.runPromise(Effect.result(callTool("busy__pid", {})))
  const textOf = (result: unknown): string | undefined => Object(result).success?.content[0].text
  const seen = new Set<string>()
  for (let round = 0; round < 4; round++) {
    const before = textOf(await pid())
    expect(before).toMatch(/^\d+$/)
    seen.add(String(before))
    const calls = Array.from({ length: 40 }, (_, index) => {
      const call = pid()
      if (index === 20) process.kill(Number(before), "SIGKILL")
      return call
    })
    for (const result of await Promise.all(calls)) {
      const text = textOf(result)
      if (text !== undefined) expect(text).toMatch(/^\d+$/)
      else expect(result).toMatchObject({ failure: { _tag: "Failed", reason: "UpstreamUnavailable" } })
    }
  }
  await runtime.dispose()
  expect(seen.size).toBe(4)
  for (const each of seen) expect(() => process.kill(Number(each), 0)).toThrow()
})
