/** The programs in `docs/examples` do what their first comment says. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { it } from "../support/effect.ts"
import { exampleFiles, greet, visitMounted, visitShop } from "../support/examples.ts"
import { project } from "../support/libraryProject.ts"

const examples = Effect.flatMap(
  Effect.promise(() => exampleFiles()),
  (files) => project(Object.fromEntries(files))
)

it.live("greeter.ts serves its tool in fewer than 25 lines", () =>
  Effect.gen(function* () {
    const { dir, env, read } = yield* examples
    expect((yield* read("greeter.ts")).trim().split("\n").length).toBeLessThan(25)
    expect(yield* Effect.promise(() => greet(dir, env))).toContain(
      '"structuredContent":{"greeting":"Hello Ada"}'
    )
  })
)

it.live("shop.ts serves its pages and a chat whose model uses its tool, and client.ts calls it", () =>
  Effect.gen(function* () {
    const { dir, env } = yield* examples
    const { answer, code, page, ticket } = yield* Effect.promise(() => visitShop(dir, env))
    expect(page).toBe("We sell teapot and cup.")
    expect(answer).toContain("pieces")
    expect(answer).toContain('"status":"complete"')
    expect(answer).toContain(":4}")
    expect(ticket).toStartWith("/mcp/ws?ticket=mcptk_")
    expect(code).toBe(0)
  })
)

it.live("mounted.ts serves its page, and the service's chat from its own Bun.serve", () =>
  Effect.gen(function* () {
    const { dir, env } = yield* examples
    const { code, frames, page, rebound } = yield* Effect.promise(() => visitMounted(dir, env))
    expect(page).toBe("The program's own page.")
    expect(rebound).toBe(421)
    expect(frames.at(0)).toContain('"status":"processing"')
    expect(frames.at(-1)).toContain('"status":"complete"')
    expect(code).toBe(0)
  })
)
