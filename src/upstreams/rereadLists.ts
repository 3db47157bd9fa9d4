/** Reads the lists of a connected upstream server again. While they cannot be read, the server is degraded. */
import { Duration, Effect, type Scope } from "effect"
import type { Connection } from "../../layers/upstream/Connection.ts"
import type { Upstream } from "../../layers/upstream/Upstream.ts"
import { UpstreamError } from "../../layers/upstream/UpstreamError.ts"

export interface RereadOptions {
  readonly upstream: Upstream
  /** Returns the error of a list that the server rejects, while the others were read. */
  readonly refresh: (connection: Connection) => Effect.Effect<UpstreamError | undefined, UpstreamError>
  readonly connectionTimeout: Duration.Duration
  /** Delay before lists that could not be read are read again; it doubles with each attempt. */
  readonly initialReconnectDelay: Duration.Duration
  /** Lists are read again until it closes. */
  readonly scope: Scope.Scope
}

/**
 * Reads the lists of a new connection. With entries of an earlier one, a server is of use that rejects all of them: its error is
 * the result.
 */
export const orRejection = (
  read: Effect.Effect<UpstreamError | undefined, UpstreamError>,
  hasEntries: () => boolean
): Effect.Effect<UpstreamError | undefined, UpstreamError> =>
  Effect.catchTag(read, "UpstreamError", (error) =>
    error.code !== undefined && hasEntries() ? Effect.succeed(error) : Effect.fail(error)
  )

/** In milliseconds. */
const longestDelay = 60_000

export const rereadLists = ({
  connectionTimeout,
  initialReconnectDelay,
  refresh,
  scope,
  upstream
}: RereadOptions) => {
  const { name } = upstream
  const degrade = (failure: UpstreamError) =>
    Effect.flatMap(upstream.degrade("lists", failure), (isDegraded) =>
      isDegraded
        ? repeat
        : Effect.logWarning(`upstream ${name}: its lists could not be read`, failure.message)
    )
  const relist: Effect.Effect<void> = Effect.flatMap(upstream.connection, refresh).pipe(
    Effect.timeoutOrElse({
      duration: connectionTimeout,
      orElse: () => {
        const limit = Duration.toMillis(connectionTimeout)
        const detail = `no lists within ${limit} ms (mcp.connection.connection_timeout)`
        return Effect.fail(new UpstreamError({ server: name, stage: "list", detail, unsent: false }))
      }
    }),
    Effect.catchTag("UpstreamError", (error) => Effect.succeed(error)),
    Effect.flatMap((failure) => (failure === undefined ? Effect.void : degrade(failure)))
  )
  let isRepeating = false
  /** Reads them again, in the background, until they were read or the connection is lost. */
  const repeat: Effect.Effect<void> = Effect.suspend(() => {
    if (isRepeating) return Effect.void
    isRepeating = true
    return Effect.gen(function* () {
      let delay = Duration.toMillis(initialReconnectDelay)
      for (;;) {
        yield* Effect.sleep(delay)
        if (!upstream.degraded("lists")) return
        delay = Math.min(delay * 2, longestDelay)
        yield* relist
      }
    }).pipe(Effect.ensuring(Effect.sync(() => (isRepeating = false))), Effect.forkIn(scope), Effect.asVoid)
  })
  return { relist, repeat }
}
