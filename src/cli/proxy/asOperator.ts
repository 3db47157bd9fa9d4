/** Runs a command on published applications. Its error says what only the log says to callers of a service: paths and addresses. */
import { Effect, Schema } from "effect"
import { ProxiesUnavailable, ProxyError } from "../../../layers/edge/proxies/Proxy.ts"
import { issuesOf } from "../../catalog/schemaIssues.ts"
import { proxies } from "../../program/proxies.ts"
import { UsageError } from "../UsageError.ts"

class ProxiesFailed extends Schema.TaggedError<ProxiesFailed>()("ProxiesFailed", {
  message: Schema.String
}) {}

const translate = <E>(error: E | ProxyError | ProxiesUnavailable) => {
  if (error instanceof ProxiesUnavailable)
    return new ProxiesFailed({ message: error.detail ?? error.message })
  return error instanceof ProxyError ? new UsageError({ detail: error.message }) : error
}

export const asOperator = <A, E, R>(command: Effect.Effect<A, E | ProxyError | ProxiesUnavailable, R>) =>
  command.pipe(Effect.mapError(translate), Effect.provide(proxies))

/** Without the keys whose value is absent. */
const withoutAbsent = (request: object): unknown =>
  Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined))

/** The request of these arguments, or what is wrong with each of them. */
export const decoded = <S extends Schema.Top & { readonly DecodingServices: never }>(
  schema: S,
  request: object
) =>
  Schema.decodeUnknownEffect(schema)(withoutAbsent(request), { errors: "all" }).pipe(
    Effect.mapError(
      (error) =>
        new UsageError({
          detail: issuesOf(error)
            .map(({ message, path }) => `${path}: ${message}`)
            .join("\n")
        })
    )
  )
