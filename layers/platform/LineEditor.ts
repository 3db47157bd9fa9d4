/** Lines that a person types at a terminal, with history and editing; Ctrl-C is an event and ends nothing. */
import { Context, Effect, Layer, Option, type Scope } from "effect"
import { Waiters } from "./Waiters.ts"

export interface Lines {
  /** The next line; none: the input has ended (Ctrl-D), or Ctrl-C was pressed at an empty line. */
  readonly read: (prompt: string) => Effect.Effect<Option.Option<string>>
  /** Completes when Ctrl-C is pressed. */
  readonly interrupted: Effect.Effect<void>
}

export class LineEditor extends Context.Service<
  LineEditor,
  { readonly open: Effect.Effect<Lines, never, Scope.Scope> }
>()("manifold/platform/LineEditor") {
  /** On standard input, with the prompt on standard output. */
  static readonly layer = Layer.succeed(
    LineEditor,
    LineEditor.of({
      open: Effect.gen(function* () {
        const readline = yield* Effect.promise(() => import("node:readline"))
        const editor = yield* Effect.acquireRelease(
          Effect.sync(() => readline.createInterface({ input: process.stdin, output: process.stdout })),
          (opened) => Effect.sync(() => opened.close())
        )
        const typed: Array<string> = []
        let hasEnded = false
        const waiting = new Set<() => void>()
        const interrupts = new Waiters()
        const wake = () => {
          for (const resume of waiting) resume()
        }
        editor.on("line", (line) => {
          typed.push(line)
          wake()
        })
        editor.on("close", () => {
          hasEnded = true
          wake()
        })
        editor.on("SIGINT", () => {
          if (interrupts.size > 0) {
            interrupts.wake()
            return
          }
          // As in a shell: the first one empties the line.
          if (editor.line === "") editor.close()
          else {
            process.stdout.write("^C\n")
            // Ctrl-E, Ctrl-U: the line before the cursor is the whole line.
            editor.write(null, { ctrl: true, name: "e" })
            editor.write(null, { ctrl: true, name: "u" })
          }
        })
        const next = (): Option.Option<string> | undefined => {
          const line = typed.shift()
          if (line !== undefined) return Option.some(line)
          return hasEnded ? Option.none() : undefined
        }
        return {
          read: (prompt) =>
            Effect.callback<Option.Option<string>>((resume) => {
              const ready = next()
              if (ready !== undefined) {
                resume(Effect.succeed(ready))
                return Effect.void
              }
              const take = () => {
                const line = next()
                if (line === undefined) return
                waiting.delete(take)
                resume(Effect.succeed(line))
              }
              waiting.add(take)
              editor.setPrompt(prompt)
              editor.prompt()
              return Effect.sync(() => waiting.delete(take))
            }),
          interrupted: interrupts.wait()
        }
      })
    })
  )
}
