/** Tests a configured server with its stored sign-in. */
import { Duration, Effect } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as http from "../../../layers/http/section.ts"
import type { ServerSettings } from "../../../layers/upstream/section.ts"
import { OwnInstance } from "../../catalog/OwnInstance.ts"
import { accountOf, ownPrincipal } from "../../upstreams/accountOf.ts"
import { signInSettings } from "../../upstreams/signInSettings.ts"

/** `timeout`: time limit of each stage. */
export const probeConfigured = Effect.fnUntraced(function* (
  name: string,
  settings: ServerSettings,
  timeout: Duration.Duration
) {
  const { max_message_bytes } = yield* (yield* ConfigSource).read(http.section)
  const signIn = (yield* signInSettings)(name, settings, ownPrincipal(settings))
  const account = yield* accountOf(settings, signIn, Effect.void)
  const { id: instance } = yield* OwnInstance
  const { probe } = yield* Effect.promise(() => import("../../upstreams/probe.ts"))
  return yield* probe({ name, settings, account, instance, maxMessageBytes: max_message_bytes, timeout })
}, Effect.scoped)
