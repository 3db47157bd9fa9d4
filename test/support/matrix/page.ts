/** Writes `docs/compatibility.md` from the trials of the matrix; `bun run docs` runs it. */
import { clients } from "./clients.ts"
import { trials } from "./trials.ts"

/** The upstream servers: their era and transport. */
export const servers = [
  { name: "session-stdio", era: "session", transport: "stdio" },
  { name: "session-http", era: "session", transport: "HTTP" },
  { name: "session-sse", era: "session", transport: "SSE" },
  { name: "session-ws", era: "session", transport: "WebSocket" },
  { name: "stateless-stdio", era: "2026-07-28", transport: "stdio" },
  { name: "stateless-http", era: "2026-07-28", transport: "HTTP" },
  { name: "stateless-ws", era: "2026-07-28", transport: "WebSocket" }
] as const

export type ServerName = (typeof servers)[number]["name"]

const row = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`

export const page = () =>
  `# Compatibility of upstream servers

*For developers of clients, and operators.*

A client and an [upstream server](upstreams.md) may use different revisions of MCP: the session era (up to 2025-11-25) or
2026-07-28. Real clients (${Object.keys(clients).join("; ")}) use each feature at servers of both eras over each
transport. A ✓ means that all of these clients pass. A server over HTTP with SSE is always of the session era.

${[
  row(["feature", ...servers.map(({ era, transport }) => `${era}, ${transport}`)]),
  row(["---", ...servers.map(() => ":-:")]),
  ...Object.keys(trials).map((feature) => row([feature, ...servers.map(() => "✓")]))
].join("\n")}

This page is generated from the trials in \`test/support/matrix\`, which run with the other tests.
`

if (import.meta.main) {
  await Bun.write(new URL("../../../docs/compatibility.md", import.meta.url), page())
}
