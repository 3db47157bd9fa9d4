/** An upstream server that announces no changes, and a clock on which its lists get out of date. */
import { Clock, Duration, Effect } from "effect"

/** A server of the session era that keeps no sessions and announces nothing. */
export const plainServer = (
  hints: Record<string, unknown> = {},
  contentHints: Record<string, unknown> = {}
) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const tools = ["one"]
      let reads = 0
      let rejected: { readonly error: object; readonly methods: ReadonlyArray<string> } | undefined
      const resultOf = (method: string) => {
        if (method === "initialize") {
          const serverInfo = { name: "plain", version: "1" }
          return { protocolVersion: "2025-11-25", capabilities: { tools: {}, resources: {} }, serverInfo }
        }
        if (method === "resources/list") return { resources: [{ uri: "plain://one", name: "one" }] }
        if (method === "resources/read")
          return { contents: [{ uri: "plain://one", text: "1" }], ...contentHints }
        if (method === "tools/call") return { content: [{ type: "text", text: "called" }] }
        if (method !== "tools/list") return undefined
        reads++
        return { tools: tools.map((name) => ({ name, inputSchema: { type: "object" } })), ...hints }
      }
      const running = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: async (received) => {
          if (received.method !== "POST") return new Response(null, { status: 405 })
          const { id, method } = (await received.json()) as { id?: unknown; method: string }
          if (id === undefined) return new Response(null, { status: 202 })
          const result = resultOf(method)
          if (rejected?.methods.includes(method)) {
            return Response.json({ jsonrpc: "2.0", id, error: rejected.error })
          }
          return Response.json({
            jsonrpc: "2.0",
            id,
            ...(result === undefined ? { error: { code: -32_601, message: "Method not found" } } : { result })
          })
        }
      })
      const reject = (error: object, ...methods: ReadonlyArray<string>) => {
        rejected = { error, methods }
      }
      return { url: new URL("/mcp", running.url).href, tools, reads: () => reads, reject, running }
    }),
    ({ running }) => Effect.promise(() => running.stop(true))
  )

/** Runs the body on a clock whose monotonic time it can advance; sleeps are those of the real clock. */
export const withLater = <A, E, R>(body: (later: (by: Duration.Input) => void) => Effect.Effect<A, E, R>) =>
  Effect.clockWith((base) => {
    let shift = 0n
    const nanos = () => base.monotonicTimeNanosUnsafe() + shift
    const clock: Clock.Clock = {
      sleep: (duration) => base.sleep(duration),
      currentTimeMillisUnsafe: () => base.currentTimeMillisUnsafe(),
      currentTimeMillis: base.currentTimeMillis,
      currentTimeNanosUnsafe: () => base.currentTimeNanosUnsafe(),
      currentTimeNanos: base.currentTimeNanos,
      monotonicTimeNanosUnsafe: nanos,
      monotonicTimeNanos: Effect.sync(nanos)
    }
    const later = (by: Duration.Input) => {
      shift += BigInt(Duration.toMillis(Duration.fromInputUnsafe(by))) * 1_000_000n
    }
    return Effect.provideService(body(later), Clock.Clock, clock)
  })
