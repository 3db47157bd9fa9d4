/** The program in a pseudo terminal, as a person sees it. */
import { Effect } from "effect"
import { program } from "./program.ts"

const escapes = /\u001b\[[0-9;?]*[A-Za-z]/g

/** The program in a terminal; `until` waits for a text on the screen after the last one. */
export const terminal = (args: ReadonlyArray<string>, env: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      let screen = ""
      let wake = Promise.withResolvers<void>()
      const child = Bun.spawn([...program, ...args], {
        env: { ...process.env, XDG_CONFIG_HOME: "/nowhere", TERM: "xterm-256color", ...env },
        terminal: {
          cols: 80,
          rows: 30,
          data: (_, data) => {
            screen += Buffer.from(data).toString().replace(escapes, "")
            wake.resolve()
          }
        }
      })
      return {
        child,
        type: (text: string) => Effect.sync(() => void child.terminal?.write(text)),
        until: (text: string) =>
          Effect.promise(async () => {
            for (let at = screen.indexOf(text); ; at = screen.indexOf(text)) {
              if (at >= 0) {
                const shown = screen.slice(0, at + text.length)
                screen = screen.slice(at + text.length)
                return shown
              }
              await wake.promise
              wake = Promise.withResolvers()
            }
          }),
        exited: Effect.promise(() => child.exited)
      }
    }),
    ({ child }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return child.exited
      })
  )
