/** The endpoints of the chat over one `Conversations`. */
import { Layer } from "effect"
import type { StreamLimits } from "../../layers/transports/StreamLimits.ts"
import { Conversations } from "./Conversations.ts"
import * as httpEndpoints from "./httpEndpoints.ts"
import * as webSocket from "./webSocket.ts"

export const layer = (limits: StreamLimits) =>
  Layer.merge(webSocket.layer(limits), httpEndpoints.layer(limits)).pipe(
    Layer.provideMerge(Conversations.layer)
  )
