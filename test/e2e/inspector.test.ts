/** The command line of the MCP Inspector against the stdio server and the HTTP service. */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { it } from "../support/effect.ts"
import { endpoint, service } from "../support/service.ts"
import { command } from "../support/stdio.ts"

const inspector = new URL("../../node_modules/.bin/mcp-inspector", import.meta.url).pathname

const inspect = async (target: ReadonlyArray<string>, ...args: ReadonlyArray<string>) => {
  const child = Bun.spawn(["node", inspector, "--cli", ...target, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe"
  })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited
  ])
  try {
    return JSON.parse(stdout) as Record<string, never>
  } catch {
    throw new Error(`The Inspector printed: ${stdout}${stderr}`)
  }
}

const explore = async (target: ReadonlyArray<string>) => {
  const { tools } = (await inspect(target, "--method", "tools/list")) as {
    tools?: ReadonlyArray<{ name: string }>
  }
  expect(tools?.map(({ name }) => name)).toContain("math.add")
  const call = ["--method", "tools/call", "--tool-name", "math.add", "--tool-arg", "a=2", "--tool-arg", "b=3"]
  expect(await inspect(target, ...call)).toMatchObject({ content: [{ text: "5" }] })
  expect(await inspect(target, "--method", "resources/list")).toMatchObject({
    resources: [{ uri: "health://ping" }, { uri: "usage://summary" }]
  })
}

describe("the MCP Inspector lists and calls", () => {
  test("over stdio", () => explore([command.command, ...command.args]), 60_000)

  it.live(
    "over HTTP",
    () =>
      Effect.flatMap(endpoint, (url) =>
        Effect.promise(() => explore([url.href, "--transport", "http"]))
      ).pipe(Effect.provide(service())),
    60_000
  )

  it.live(
    "over SSE",
    () =>
      Effect.flatMap(endpoint, (url) =>
        Effect.promise(() => explore([new URL("/mcp/sse", url).href, "--transport", "sse"]))
      ).pipe(Effect.provide(service())),
    60_000
  )
})
