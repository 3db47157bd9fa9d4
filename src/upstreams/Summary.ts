/** Summary of an upstream server for commands, health and REST: its state, and the number of its entries. */
import type { Status } from "../../layers/upstream/Status.ts"

export interface Summary extends Status {
  readonly name: string
  readonly tools: number
  readonly prompts: number
  readonly resources: number
  /** Tools that are held back until their new definition is approved. */
  readonly held: ReadonlyArray<string>
  /** Number of entries that came through this service, and are therefore not served. */
  readonly looped: number
}
