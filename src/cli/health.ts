/** `manifold health`: asks the running service whether it is healthy, for health checks of containers and supervisors. */
import { Console, Effect, Option, Schema } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import * as http from "../../layers/http/section.ts"
import { UsageError } from "./UsageError.ts"

/** Longer than the second that a part of the service may take. */
const timeLimit = "3 seconds"

const Report = Schema.fromJsonString(Schema.Struct({ status: Schema.String }))

/** The service is unreachable, or says that it does not work. */
class Unhealthy extends Schema.TaggedError<Unhealthy>()("Unhealthy", {
  url: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `${this.url}: ${this.detail}`
  }
}

/** Bind addresses that mean every address of the machine. */
const everywhere: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" }

/** The URL of the service of this configuration, as this machine reaches it. */
const configuredUrl = Effect.gen(function* () {
  const { host, port, tls } = yield* (yield* ConfigSource).read(http.section)
  if (port === 0) return yield* new UsageError({ detail: "server.port is 0. Pass the --url of the service" })
  const address = everywhere[host] ?? host
  return `${tls === undefined ? "http" : "https"}://${address.includes(":") ? `[${address}]` : address}:${port}`
})

const ask = (url: string) =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, {
        redirect: "error",
        signal,
        // The certificate is for other names, and the request has no secret.
        tls: { rejectUnauthorized: false },
        // Every listener accepts this host, whatever the address.
        headers: { host: "localhost", accept: "application/json" }
      })
      return { ok: response.ok, code: response.status, text: await response.text() }
    },
    catch: (cause) => new Unhealthy({ url, detail: cause instanceof Error ? cause.message : String(cause) })
  }).pipe(
    Effect.timeoutOrElse({
      duration: timeLimit,
      orElse: () => Effect.fail(new Unhealthy({ url, detail: `no response within ${timeLimit}` }))
    })
  )

export const health = Command.make(
  "health",
  {
    url: Flag.String("url").pipe(
      Flag.withDescription("URL of the service (default: the one of the configuration)"),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* ({ url }) {
    const base = Option.isSome(url) ? url.value : yield* configuredUrl
    if (!URL.canParse("/health", base)) {
      return yield* new UsageError({ detail: "--url expects a URL such as http://127.0.0.1:8000" })
    }
    const target = new URL("/health", base).href
    const { code, ok, text } = yield* ask(target)
    const status = Option.map(Schema.decodeOption(Report)(text), (report) => report.status)
    if (Option.isNone(status)) {
      return yield* new Unhealthy({ url: target, detail: `HTTP ${code}, not a response of manifold` })
    }
    if (!ok) return yield* new Unhealthy({ url: target, detail: status.value })
    yield* Console.log(status.value)
  })
).pipe(
  Command.withDescription("Ask the running service whether it is healthy; exit code 1 if not"),
  Command.withExamples([
    { command: "manifold health", description: "The service of this configuration" },
    { command: "manifold health --url https://mcp.example.com", description: "A service elsewhere" }
  ])
)
