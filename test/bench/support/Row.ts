/** Type of a benchmark row, and the alternating measurement of manifold and a peer. */
import { endedUnasked } from "./process.ts"
import { spread, type Spread } from "./stats.ts"

/** A connection is lost a moment before the end of its server is noticed; milliseconds. */
const noticing = 200

/** Name, unit and direction of a measure. */
export interface Measure {
  readonly measure: string
  readonly unit: string
  readonly better: "more" | "less"
}

/** One line of the table: the figures of all rounds. */
export interface Line extends Measure {
  readonly peer: string
  readonly ours: ReadonlyArray<number>
  readonly theirs: ReadonlyArray<number>
  /** Failures that explain missing numbers: ours, and the peer's. */
  readonly oursFailed?: string
  readonly peerFailed?: string
}

export interface Effort {
  readonly quick: boolean
  readonly rounds: number
}

/** A row of the bench: one file in `rows/`, and one line in `rows/index.ts`. */
export interface Row {
  readonly name: string
  readonly run: (effort: Effort) => AsyncIterable<Line>
}

/** One round: a number per measure, in order; `undefined` if this machine cannot measure it. */
export type Round = () => Promise<ReadonlyArray<number | undefined>>

/** One side of a comparison: opened once, for example by starting a server, and closed with the scope. */
export interface Side {
  readonly name: string
  readonly open: (scope: AsyncDisposableStack) => Promise<Round>
}

/** A failed side is not measured further, and its failure is reported. */
class Turn {
  readonly figures: ReadonlyArray<Array<number>>
  failure: string | undefined
  #round: Round | undefined

  constructor(measures: ReadonlyArray<Measure>) {
    this.figures = measures.map(() => [])
  }

  async open(side: Side, scope: AsyncDisposableStack) {
    await this.#attempt(async () => void (this.#round = await side.open(scope)))
  }

  async take() {
    await this.#attempt(async () => {
      const taken = (await this.#round?.()) ?? []
      for (const [index, figure] of taken.entries()) {
        if (figure !== undefined) this.figures[index]?.push(figure)
      }
    })
  }

  async #attempt(step: () => Promise<void>) {
    if (this.failure !== undefined) return
    try {
      await step()
    } catch (error) {
      await Bun.sleep(noticing)
      const what = error instanceof Error ? error.message : String(error)
      this.failure = [what, ...endedUnasked()].join("; ")
    }
  }
}

/** Rounds of ours, peer, ours, peer …; without a peer, of ours alone. */
export async function* compare(
  measures: ReadonlyArray<Measure>,
  ours: Side,
  peer: Side | undefined,
  rounds: number
): AsyncGenerator<Line> {
  const our = new Turn(measures)
  const their = new Turn(measures)
  {
    await using scope = new AsyncDisposableStack()
    await our.open(ours, scope)
    if (peer !== undefined) await their.open(peer, scope)
    for (let round = 0; round < rounds; round++) {
      await our.take()
      await their.take()
    }
  }
  for (const [index, measure] of measures.entries()) {
    yield {
      ...measure,
      peer: peer?.name ?? "",
      ours: our.figures[index] ?? [],
      theirs: their.figures[index] ?? [],
      ...(our.failure !== undefined && { oursFailed: our.failure }),
      ...(their.failure !== undefined && { peerFailed: their.failure })
    }
  }
}

/** Ratio of ours to the peer's, per round. */
export const ratio = ({ ours, theirs }: Line): Spread | undefined =>
  spread(
    ours.flatMap((figure, round) => {
      const other = theirs[round]
      return other === undefined || other === 0 ? [] : [figure / other]
    })
  )
