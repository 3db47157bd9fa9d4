/** What a row is, and how ours and a peer take turns. */
import { spread, type Spread } from "./stats.ts"

/** One line of the table: the figures of all rounds, ours and the peer's. */
export interface Line {
  readonly measure: string
  readonly unit: string
  readonly better: "more" | "less"
  readonly peer: string
  readonly ours: ReadonlyArray<number>
  readonly theirs: ReadonlyArray<number>
  /** Why figures are missing. */
  readonly note?: string
}

export interface Effort {
  readonly quick: boolean
  readonly rounds: number
}

/** A row of the bench: one file in `rows/`, and one line in `rows/index.ts`. */
export interface Row {
  readonly name: string
  /** Yields lines as they are measured. */
  readonly run: (effort: Effort) => AsyncIterable<Line>
}

/** A figure that is taken in every round; the last figure of a measurement in its order. */
export interface Measure {
  readonly measure: string
  readonly unit: string
  readonly better: "more" | "less"
}

/** Measures once: a figure for each `Measure`, in that order; `undefined` where it cannot be had here. */
export type Take = () => Promise<ReadonlyArray<number | undefined>>

/** A side of a comparison; `undefined` for ours alone. */
export interface Side {
  readonly name: string
  readonly take: Take
}

const reason = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** Our own failure; the bench goes on and ends with code 1. */
export const failed = "ours failed"

/** Rounds of ours, peer, ours, peer …; a side that fails once is left out from then on, and its cells say why. */
export async function* compare(
  measures: ReadonlyArray<Measure>,
  ours: Take,
  peer: Side,
  rounds: number
): AsyncGenerator<Line> {
  const sides = [
    { who: failed, take: ours, taken: measures.map((): Array<number> => []), note: "" },
    { who: peer.name, take: peer.take, taken: measures.map((): Array<number> => []), note: "" }
  ] as const
  for (let round = 0; round < rounds; round++) {
    for (const side of sides) {
      if (side.note !== "") continue
      try {
        const figures = await side.take()
        figures.forEach((figure, index) => figure !== undefined && side.taken[index]?.push(figure))
      } catch (error) {
        side.note = `${side.who}: ${reason(error)}`
      }
    }
  }
  const note = sides.flatMap((side) => (side.note === "" ? [] : [side.note])).join("; ")
  for (const [index, measure] of measures.entries()) {
    yield {
      ...measure,
      peer: peer.name,
      ours: sides[0].taken[index] ?? [],
      theirs: sides[1].taken[index] ?? [],
      ...(note !== "" && { note })
    }
  }
}

/** Ours by the peer's, round by round. */
export const ratio = ({ ours, theirs }: Line): Spread | undefined =>
  spread(
    ours.slice(0, theirs.length).flatMap((figure, round) => {
      const other = theirs[round]
      return other === undefined || other === 0 ? [] : [figure / other]
    })
  )
