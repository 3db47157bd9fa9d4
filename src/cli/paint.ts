/** Colour for a person at a terminal, and for nobody else. */
import { Effect } from "effect"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"

const codes = { plain: "", red: "31", green: "32", yellow: "33", dim: "2" } as const

export type Colour = keyof typeof codes

/** Colours a text where standard output is a terminal and neither `NO_COLOR` nor `TERM=dumb` forbids it. */
export const paint: Effect.Effect<(colour: Colour, text: string) => string> = Effect.map(
  TerminalCapabilities,
  ({ canColor }) =>
    (colour: Colour, text: string) =>
      canColor && codes[colour] !== "" ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text
)
