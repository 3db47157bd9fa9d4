/** The official clients of the newer SDK, one for each way to agree on a revision. */
import { Client, type ClientOptions } from "@modelcontextprotocol/client"

export const info = { name: "test", version: "1" }

const client =
  (versionNegotiation: ClientOptions["versionNegotiation"]) =>
  (options: ClientOptions = {}) =>
    new Client(info, versionNegotiation === undefined ? options : { ...options, versionNegotiation })

/** SDK 2.4.0 that knows nothing but 2026-07-28. */
export const pinned = client({ mode: { pin: "2026-07-28" } })

/** Name, how to make it, and the revision that it then speaks with us. */
export const newClients = [
  ["SDK 2.4.0, session era", client(undefined), "2025-11-25"],
  ["SDK 2.4.0, negotiating", client({ mode: "auto" }), "2026-07-28"],
  ["SDK 2.4.0, stateless", pinned, "2026-07-28"]
] as const
