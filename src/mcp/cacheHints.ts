/** Cache hints for clients (MCP 2026-07-28, `ttlMs` and `cacheScope`). */

/** How long clients may keep a list, or contents of an upstream server, at most, in milliseconds. */
const longest = 60_000

/**
 * Hints of a result; none before 2026-07-28. `lifetime`: what the upstream servers whose entries or contents it has say, in
 * milliseconds. Always private, because lists and the right to read differ by principal.
 */
export const cacheHints = ({ stateless }: { readonly stateless: boolean }, lifetime: number) =>
  stateless ? { ttlMs: Math.floor(Math.min(longest, lifetime)), cacheScope: "private" as const } : {}
