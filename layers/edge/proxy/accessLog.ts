/** Access log: one line of the structured log for each proxied request, when its response or WebSocket has ended. */
import type { Clock } from "effect"
import type { Log } from "../../logging/Log.ts"
import * as Line from "../../logging/logLine.ts"

export interface Access {
  readonly requestId: string
  readonly host: string
  readonly method: string
  /** Without the query, which may have secrets. */
  readonly path: string
  readonly client: string
  readonly subject: string | undefined
  readonly status: number
  /** Milliseconds. */
  readonly duration: number
  readonly bytes: number | undefined
  /** Why the exchange was ended early. */
  readonly ended: string | undefined
  /** Why the application could not be reached, such as `ECONNREFUSED`. */
  readonly error: string | undefined
}

/** Longer paths are cut. */
const longestPath = 1024

/** Hot path: the JSON is concatenated. Lines are at level info, and at warn for failures of the application. */
export const makeAccessLog = (log: Log["Service"], clock: Clock.Clock) => {
  const quote = Line.makeQuote()
  return (access: Access) => {
    const level = access.status >= 502 && access.status <= 504 ? "warn" : "info"
    if (!log.enabled(level)) return
    const time = clock.currentTimeMillisUnsafe()
    const { bytes, client, duration, ended, error, host, method, path, requestId, status, subject } = access
    let line =
      `${Line.opening(time, level, '"request proxied"')},"request_id":${Line.quoteId(requestId)}` +
      `,"host":${quote(host)},"method":"${method}","path":${quote(path.slice(0, longestPath))}` +
      `,"client":"${client}","status":${status},"duration_ms":${Line.milliseconds(duration)}`
    if (bytes !== undefined) line += `,"bytes":${bytes}`
    if (subject !== undefined) line += `,"subject":${quote(subject)}`
    if (ended !== undefined) line += `,"ended":"${ended}"`
    if (error !== undefined && error !== "") line += `,"error":${quote(error)}`
    log.write(time, level, `${line}}`)
  }
}
