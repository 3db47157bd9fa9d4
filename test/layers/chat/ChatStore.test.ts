/** All stores of conversations against one model, with random commands of several instances. */
import { describe, test } from "bun:test"
import { Effect } from "effect"
import fc from "fast-check"
import { backends } from "../../support/chatStores.ts"
import { commands, runCommands } from "../../support/chatStoreModel.ts"

const isLong = process.env["MANIFOLD_LONG_TESTS"] === "1"

describe("conversations behave like the model", () => {
  for (const { cost, instances, name, open } of backends) {
    test(`in ${name}`, async () => {
      await fc.assert(
        fc.asyncProperty(commands, (list) =>
          Effect.runPromise(
            Effect.scoped(Effect.flatMap(open, (shared) => runCommands(shared, instances, list)))
          )
        ),
        { numRuns: Math.ceil((isLong ? 2000 : 60) / cost) }
      )
    }, 600_000)
  }
})
