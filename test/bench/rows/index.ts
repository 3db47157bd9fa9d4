/** The list of rows, in the order of the table. */
import type { Row } from "../support/bench.ts"
import { binary } from "./binary.ts"
import { coldStart } from "./coldStart.ts"
import { expiry } from "./expiry.ts"
import { longLived } from "./longLived.ts"
import { memory } from "./memory.ts"
import { modernWire } from "./modernWire.ts"
import { sessionWire } from "./sessionWire.ts"

export const rows: ReadonlyArray<Row> = [
  modernWire, // one line each
  sessionWire,
  longLived,
  memory,
  expiry,
  coldStart,
  binary
]
