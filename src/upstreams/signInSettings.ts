/** Settings of the sign-in at a configured server, from the configuration. */
import type { FetchLike } from "@modelcontextprotocol/client"
import { Effect } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import * as outboundSection from "../../layers/outbound/section.ts"
import { Dns } from "../../layers/platform/Dns.ts"
import type { ServerSettings } from "../../layers/upstream/section.ts"
import * as mcp from "../mcp/section.ts"
import type { SignInSettings } from "./accountOf.ts"

/** For the account that all callers share, or that of a principal. */
export const signInSettings = Effect.gen(function* () {
  const config = yield* ConfigSource
  const dns = yield* Dns
  const { connection } = yield* config.read(mcp.section)
  const outbound = yield* config.read(outboundSection.section)
  /** Loaded with the first request. */
  const fetchFor = (settings: ServerSettings): FetchLike => {
    let loading: Promise<FetchLike> | undefined
    const load = async () => {
      const { namedUrls, oauthFetch } = await import("../../layers/upstream/oauth/oauthFetch.ts")
      return oauthFetch({ dns, settings: outbound }, namedUrls(settings))
    }
    return async (url, init) => (await (loading ??= load()))(url, init)
  }
  return (server: string, settings: ServerSettings, principal = ""): SignInSettings => ({
    server,
    principal,
    timeout: connection.sign_in_timeout,
    fetch: fetchFor(settings)
  })
})
