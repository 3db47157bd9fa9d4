/** Time from spawning a stdio server to its response to `initialize`. */
import { compare, type Measure, type Row } from "../support/Row.ts"
import { side } from "../support/initializeTime.ts"
import { fastmcpStdio, oursStdio, sdkStdio } from "../support/servers.ts"

const measures: ReadonlyArray<Measure> = [
  { measure: "cold start, spawn to initialize", unit: "ms", better: "less" }
]
const runs = 10

export const coldStart: Row = {
  name: "cold start",
  run: async function* () {
    for (const peer of [sdkStdio, fastmcpStdio]) {
      yield* compare(measures, side(oursStdio), side(peer), runs)
    }
  }
}
