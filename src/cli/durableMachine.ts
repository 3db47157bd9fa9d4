/** The machine, for entries that start this program later: rejects a program in a package runner's cache. */
import { Effect } from "effect"
import { runnerOf } from "../../layers/clients/entryProblems.ts"
import { Machine } from "../../layers/platform/Machine.ts"
import { UsageError } from "./UsageError.ts"

/** `starter`: subject of a sentence, such as `The client`. An entry would break when that cache is cleared. */
export const durableMachine = Effect.fnUntraced(function* (starter: string) {
  const machine = yield* Machine
  const { args, command } = machine.launch
  const cached = [command, args.at(-1) ?? command].find((path) => runnerOf(path) !== undefined)
  if (cached === undefined) return machine
  return yield* new UsageError({
    detail:
      `${cached} is in the cache of ${runnerOf(cached)}. ${starter} could not start it after that cache is cleared. ` +
      `Build the binary with \`bun run build\`, move dist/manifold to a permanent place and run its install command, ` +
      `or install Bun permanently (npm install -g bun) and run this command again`
  })
})
