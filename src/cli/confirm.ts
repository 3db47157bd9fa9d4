/** Prompts before a change; commands without a terminal must pass `--yes` or `--dry-run`. */
import { Effect } from "effect"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { UsageError } from "./UsageError.ts"

/** Whether the user agrees. `json`: the output is for a program, which cannot answer. */
export const confirm = Effect.fnUntraced(function* (question: string, json = false) {
  const { canPrompt } = yield* TerminalCapabilities
  if (json || !canPrompt) {
    return yield* new UsageError({
      detail: "No terminal to prompt on. Pass --yes to apply the change, or --dry-run to preview it"
    })
  }
  return yield* Prompt.run(Prompt.Confirm({ message: question })).pipe(
    Effect.catchTag("QuitError", () => Effect.succeed(false))
  )
})
