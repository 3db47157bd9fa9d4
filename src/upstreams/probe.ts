/** Tests one upstream server stage by stage: duration of each stage, and what to do if it fails. */
import { Duration, Effect, Exit, Layer } from "effect"
import { Dns } from "../../layers/platform/Dns.ts"
import * as childProcess from "../../layers/platform/childProcess.ts"
import { firstReachable } from "../../layers/platform/firstReachable.ts"
import { tlsHandshake } from "../../layers/platform/tlsHandshake.ts"
import type { Account } from "../../layers/upstream/oauth/Account.ts"
import { openConnection } from "../../layers/upstream/openConnection.ts"
import { OrphanGuard } from "../../layers/upstream/OrphanGuard.ts"
import type { ServerSettings } from "../../layers/upstream/section.ts"
import { UpstreamError, type Stage } from "../../layers/upstream/UpstreamError.ts"
import { nothing, readLists } from "./lists.ts"
import { monotonicNow } from "../../layers/platform/monotonic.ts"

export interface Step {
  readonly stage: Stage | "resolve" | "tls"
  readonly ok: boolean
  readonly milliseconds: number
  /** The finding, or the reason of the failure. */
  readonly detail: string
  /** Whether it failed because a user must sign in. */
  readonly signIn?: true
  /** The server can be used, but rejects a list, which the service reports as `degraded`. */
  readonly degraded?: true
  /** What to do; absent unless the stage failed, or the server is degraded. */
  readonly fix?: string
}

const fixes: Readonly<Record<Step["stage"], string>> = {
  resolve: "Check the host name in url, and the DNS of this machine",
  start: "Run the command in a terminal; check command, args, cwd and env of the entry",
  tls: "Check that the port speaks TLS, that url has the host name of the certificate, and that this machine knows its issuer (NODE_EXTRA_CA_CERTS)",
  connect: "Check that the server runs, and that its port can be reached from this machine",
  authenticate: "Check the headers of the entry, such as Authorization: env:TOKEN",
  negotiate: "Check that url is the server's MCP endpoint, or that the command speaks MCP on standard output",
  list: "The server is at fault: report it to its author",
  call: "The server is at fault: report it to its author"
}

const rejectedFix =
  "Calls work, but entries of a rejected list are not served: report it to the server's author"

export interface ProbeOptions {
  readonly name: string
  readonly settings: ServerSettings
  readonly maxMessageBytes: number
  readonly timeout: Duration.Duration
  /** Uses the stored sign-in. */
  readonly account?: Account | undefined
  /** Id of this service, whose own entries are counted apart. */
  readonly instance?: Effect.Effect<string> | undefined
}

/** The stages up to the first failure. */
export const probe = Effect.fnUntraced(
  function* ({ account, instance, maxMessageBytes, name, settings, timeout }: ProbeOptions) {
    const steps: Array<Step> = []
    const timed = Effect.fnUntraced(function* <A, R>(
      stage: Step["stage"],
      effect: Effect.Effect<A, UpstreamError, R>,
      describe: (value: A) => string,
      isDegraded: (value: A) => boolean = () => false
    ) {
      const started = yield* monotonicNow
      const limited = Effect.timeoutOrElse(effect, {
        duration: timeout,
        orElse: () =>
          Effect.fail(
            new UpstreamError({
              server: name,
              stage: stage === "resolve" || stage === "tls" ? "connect" : stage,
              detail: `no response within ${Duration.toMillis(timeout)} ms`,
              unsent: true
            })
          )
      })
      const exit = yield* Effect.exit(limited)
      const milliseconds = (yield* monotonicNow) - started
      if (Exit.isSuccess(exit)) {
        steps.push({
          stage,
          ok: true,
          milliseconds,
          detail: describe(exit.value),
          ...(isDegraded(exit.value) && { degraded: true, fix: rejectedFix })
        })
        return exit.value
      }
      const error = yield* Effect.flip(Effect.suspend(() => exit)).pipe(Effect.orDie)
      const failed = stage === "resolve" || stage === "tls" ? stage : error.stage
      const fix = error.signIn === undefined ? fixes[failed] : `Sign in with: manifold upstream login ${name}`
      steps.push({
        stage: failed,
        ok: false,
        milliseconds,
        detail: error.detail,
        fix,
        ...(error.signIn !== undefined && { signIn: true as const })
      })
      return undefined
    })

    const unreachable = (detail: string) =>
      new UpstreamError({ server: name, stage: "connect", detail, unsent: true })
    if (settings.url !== undefined) {
      const url = new URL(settings.url)
      const host = url.hostname.replace(/^\[|\]$/g, "")
      const secure = url.protocol === "https:" || url.protocol === "wss:"
      const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port)
      const lookup = Effect.flatMap(Dns, (dns) => dns.lookup(host)).pipe(
        Effect.mapError(({ message }) => unreachable(message))
      )
      const addresses = yield* timed("resolve", lookup, (found) => found.join(", "))
      if (addresses === undefined) return steps
      const reach = Effect.filterOrFail(
        Effect.promise(() => firstReachable(addresses, port)),
        (address) => address !== undefined,
        () => unreachable(`no connection to port ${port} of ${addresses.join(", ")}`)
      )
      const address = yield* timed("connect", reach, (found) => `${found} port ${port}`)
      if (address === undefined) return steps
      if (secure) {
        const handshake = Effect.tryPromise({
          try: (signal) => tlsHandshake(address, port, host, signal),
          catch: (cause) => unreachable(cause instanceof Error ? cause.message : String(cause))
        })
        const secured = yield* timed(
          "tls",
          handshake,
          ({ protocol, validTo }) => `${protocol}, certificate valid until ${validTo}`
        )
        if (secured === undefined) return steps
      }
    }
    const open = openConnection({
      server: name,
      settings,
      account,
      instance,
      maxMessageBytes,
      timeout,
      ask: () => Promise.reject(new Error("No caller.")),
      onNotification: () => {}
    })
    const connection = yield* timed("negotiate", open, ({ protocolVersion, serverInfo }) => {
      const server = serverInfo === undefined ? "" : `${serverInfo.name} ${serverInfo.version}, `
      return `${server}MCP ${protocolVersion ?? "of an unknown version"}`
    })
    if (connection === undefined) return steps
    yield* timed(
      "list",
      readLists(name, connection, instance, nothing),
      ({ lists: { prompts, resources, templates, tools }, looped, rejected }) =>
        `${tools.length} tools, ${prompts.length} prompts, ${resources.length + templates.length} resources` +
        (looped === 0 ? "" : `; ${looped} entries of this service are not served again`) +
        [...rejected]
          .map(([list, { detail }]) => `; the server rejects its list of ${list}: ${detail}`)
          .join(""),
      ({ rejected }) => rejected.size > 0
    )
    return steps
  },
  Effect.scoped,
  Effect.provide(Layer.mergeAll(Dns.layer, Layer.provideMerge(OrphanGuard.layer, childProcess.layer)))
)
