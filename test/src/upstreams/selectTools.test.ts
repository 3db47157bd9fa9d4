/** The served part of the lists of a server. */
import { describe, expect, test } from "bun:test"
import { UpstreamError } from "../../../layers/upstream/UpstreamError.ts"
import { nothing, type ListName } from "../../../src/upstreams/lists.ts"
import { accept } from "../../../src/upstreams/selectTools.ts"

const tool = (description: string) => ({ name: "read", description, inputSchema: { type: "object" } })
const none: ReadonlyMap<ListName, UpstreamError> = new Map()
const failure = new UpstreamError({
  server: "far",
  stage: "list",
  detail: "no",
  unsent: false,
  code: -32_000
})

describe("a list of tools that the server rejects", () => {
  test("leaves a tool held back whose definition had changed", () => {
    const reported = new Set<string>()
    const found = (description: string) => ({
      lists: { ...nothing, tools: [tool(description)] },
      rejected: none
    })
    const first = accept(found("first"), undefined, true, reported)
    const second = accept(found("second"), first.next, true, reported)
    expect(second).toMatchObject({ lists: { tools: [] }, next: { held: ["read"] } })
    // The tools of the earlier list include the accepted definition of the held one.
    const third = accept(
      { lists: second.next.lists, rejected: new Map([["tools", failure]]) },
      second.next,
      true,
      reported
    )
    expect(third.lists.tools).toEqual([])
    expect(third.next).toEqual(second.next)
    expect(third.reports).toEqual([])
    expect(accept(found("second"), third.next, true, reported).next.held).toEqual(["read"])
  })
})
