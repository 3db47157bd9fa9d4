/** ANSI colors for terminals. */
import { Effect } from "effect"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"

const codes = { plain: "", red: "31", green: "32", yellow: "33", dim: "2" } as const

export type Color = keyof typeof codes

/** Colors a text if standard output is a terminal and neither `NO_COLOR` nor `TERM=dumb` is set. */
export const colorize: Effect.Effect<(color: Color, text: string) => string> = Effect.map(
  TerminalCapabilities,
  ({ canColor }) =>
    (color: Color, text: string) =>
      canColor && codes[color] !== "" ? `\u001b[${codes[color]}m${text}\u001b[0m` : text
)
