/** The list of rows, in the order of the table. */
import type { Row } from "../support/Row.ts"
import { authenticatedCalls } from "./authenticatedCalls.ts"
import { binary } from "./binary.ts"
import { certificateSwaps } from "./certificateSwaps.ts"
import { chatStreams } from "./chatStreams.ts"
import { chatAppends } from "./chatAppends.ts"
import { coldStart } from "./coldStart.ts"
import { gateway } from "./gatewayCalls.ts"
import { expiry } from "./sessionExpiry.ts"
import { ledgerCalls } from "./ledgerCalls.ts"
import { longLived } from "./streamCalls.ts"
import { manyUpstreams } from "./manyUpstreams.ts"
import { memory } from "./memory.ts"
import { modelCalls } from "./modelCalls.ts"
import { reverseProxy } from "./reverseProxy.ts"
import { modernWire, twoWorkersModern } from "./statelessCalls.ts"
import { stdioGateway } from "./stdioGateway.ts"
import { sessionWire, twoWorkers } from "./sessionCalls.ts"

export const rows: ReadonlyArray<Row> = [
  modernWire, // one line each
  authenticatedCalls,
  sessionWire,
  twoWorkersModern,
  twoWorkers,
  longLived,
  modelCalls,
  chatAppends,
  chatStreams,
  ledgerCalls,
  gateway,
  stdioGateway,
  manyUpstreams,
  reverseProxy,
  certificateSwaps,
  memory,
  expiry,
  coldStart,
  binary
]
