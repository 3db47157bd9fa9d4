/** Writes the text of a model: as Markdown on a terminal, unchanged elsewhere. */
import { Effect } from "effect"
import { OutputStreams } from "../../../layers/platform/OutputStreams.ts"

/** Characters that would control the terminal; line breaks and tabs stay. */
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

export const printable = (text: string): string => text.replace(controls, "")

export interface TextPrinter {
  readonly push: (delta: string) => Effect.Effect<void>
  /** Ends the text, and its last line. */
  readonly finish: Effect.Effect<void>
}

/** Characters of unfinished text that are retained for display. */
const maxPending = 4096

const clearLine = "\r\u001b[K"

/** Lines are written as soon as they are complete; code and tables as a whole. */
const markdown = (columns: number, color: boolean) =>
  Effect.map(
    Effect.promise(() => import("markdansi")),
    ({ createMarkdownStreamer, render }) =>
      createMarkdownStreamer({
        render: (text) => render(text, { width: columns, color, hyperlinks: false }),
        spacing: "single"
      })
  )

export const textPrinter = Effect.fnUntraced(function* (options: {
  readonly isTerminal: boolean
  readonly columns: number
  readonly color: boolean
}) {
  const { stdout } = yield* OutputStreams
  const write = (text: string) => (text === "" ? Effect.void : Effect.ignore(stdout.write(text)))
  if (!options.isTerminal) {
    let last = "\n"
    return {
      push: (delta) => {
        if (delta !== "") last = delta
        return write(delta)
      },
      finish: Effect.suspend(() => (last.endsWith("\n") ? Effect.void : write("\n")))
    } satisfies TextPrinter
  }
  const streamer = yield* markdown(options.columns, options.color)
  /** Text that is not rendered yet; the end of it is shown on one line that is replaced. */
  let pending = ""
  let isShown = false
  const replaced = (rendered: string) => {
    const line = pending.replace(/\s+/g, " ").slice(-(options.columns - 1))
    const before = isShown ? clearLine : ""
    isShown = line !== ""
    return write(`${before}${rendered}${line}`)
  }
  return {
    push: (delta) => {
      const text = printable(delta)
      const rendered = streamer.push(text)
      pending += text
      if (rendered !== "") pending = pending.slice(pending.lastIndexOf("\n") + 1)
      // Only its end is shown.
      pending = pending.slice(-maxPending)
      return replaced(rendered)
    },
    finish: Effect.suspend(() => {
      const rest = streamer.finish()
      streamer.reset()
      pending = ""
      return replaced(rest === "" || rest.endsWith("\n") ? rest : `${rest}\n`)
    })
  } satisfies TextPrinter
})
