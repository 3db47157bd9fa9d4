/** Serves one upstream server: publishes what is known of it, and opens it. */
import { Effect, type Scope } from "effect"
import type { Credentials } from "../../layers/upstream/oauth/Credentials.ts"
import type { SignIns } from "../../layers/upstream/oauth/SignIns.ts"
import type { StdioServices } from "../../layers/upstream/stdioTransport.ts"
import type { Catalog } from "../catalog/Catalog.ts"
import { openServer } from "./openServer.ts"
import { publishServer } from "./publishServer.ts"
import type { ServedUpstream, UpstreamSettings } from "./ServedUpstream.ts"

/** When the scope closes, the entries are removed and the connection is closed. */
export const serveUpstream: (
  options: UpstreamSettings
) => Effect.Effect<ServedUpstream, never, Catalog | Credentials | Scope.Scope | SignIns | StdioServices> =
  Effect.fnUntraced(function* (options) {
    const known = yield* options.store?.load(options.name, options.settings) ?? Effect.undefined
    return yield* openServer(options, yield* publishServer(options, known))
  })
