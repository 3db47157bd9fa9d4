/** The section `edge`: domains of the service, and limits of the reverse proxy. */
import { Schema } from "effect"
import * as Section from "../config/Section.ts"
import { canonicalHost } from "../http/hosts.ts"

/** `mcp.example.com`: a name, neither an IP address nor a wildcard. */
const isDomain = Schema.makeFilter(
  (value: string) => {
    const host = canonicalHost(value)
    return host !== undefined && !host.startsWith("*.") && !/^[\d.]+$|^\[/.test(host)
  },
  { expected: "a host name such as mcp.example.com, without scheme, port or path" }
)

export const section = Section.deferred(
  "edge",
  () =>
    Schema.Struct({
      domains: Section.optional(
        Schema.Array(Schema.String.check(isDomain)).check(Schema.isMaxLength(100)),
        [],
        "Host names of this service, in addition to that of `server.public_url`. MCP, REST and sign-in are served on each of them."
      )
    }),
  { description: "The edge: domains of this service, and applications that it publishes by host name." }
)

export type EdgeSettings = (typeof section)["schema"]["Type"]
