/** A request to an upstream server, or a connection to one, failed. */
import { Schema } from "effect"

/** The stage that failed; each stage begins when the previous one has succeeded. */
export const Stage = Schema.Literals(["start", "connect", "authenticate", "negotiate", "list", "call"])
export type Stage = typeof Stage.Type

export class UpstreamError extends Schema.TaggedError<UpstreamError>()("UpstreamError", {
  /** The server's name in the configuration. */
  server: Schema.String,
  stage: Stage,
  detail: Schema.String,
  /** The request did not begin at the upstream server, so it may be retried. */
  unsent: Schema.Boolean,
  /** Connecting again cannot succeed until the server or the configuration was changed. Default false. */
  permanent: Schema.optionalKey(Schema.Boolean),
  /** A user must sign in. `scope`: the scopes that this request needs, if a sign-in exists without them. */
  signIn: Schema.optionalKey(Schema.Struct({ scope: Schema.optionalKey(Schema.String) })),
  /** JSON-RPC error of the upstream server. */
  code: Schema.optionalKey(Schema.Finite),
  data: Schema.optionalKey(Schema.Unknown)
}) {
  override get message() {
    return `${this.server}: ${this.detail}`
  }
}

/** For requests that wait for a server, or are sent to it, when its scope has closed. */
export const stopped = (server: string): UpstreamError =>
  new UpstreamError({
    server,
    stage: "connect",
    detail:
      "the server was stopped, because it was removed, its settings were changed, or the service is stopping",
    unsent: true,
    permanent: true
  })
