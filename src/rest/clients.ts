/** Connections that callers made over REST: each belongs to one principal, and closes when it is unused for long. */
import { Clock, Duration, Effect, Equal, Exit, Scope, Semaphore } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import * as upstreamSection from "../../layers/upstream/section.ts"
import type { Principal } from "../domain/Principal.ts"
import * as mcp from "../mcp/section.ts"
import type { ConnectRequest } from "./bodies.ts"
import { NotFound, TooManyRequests, Unprocessable } from "./errors.ts"
import { ConnectionUsers } from "./ConnectionUsers.ts"
import * as openClient from "./openClient.ts"
import { RestRequest } from "./RestRequest.ts"
import * as savedClients from "./savedClients.ts"
import { findListed } from "./serverSettings.ts"
import { monotonicMillis, monotonicNow } from "../../layers/platform/monotonic.ts"

export interface Client {
  readonly id: string
  /** The key of the principal. */
  readonly owner: string
  readonly request: ConnectRequest
  /** Both in milliseconds since the epoch. */
  readonly createdAt: number
  lastActivity: number
  /** From when the idle time-out counts, in monotonic milliseconds. */
  idleSince: number
  /** Running requests. */
  running: number
  readonly scope: Scope.Closeable
  /** One request at a time opens the connection. */
  readonly turn: Semaphore.Semaphore
  opened: openClient.OpenedClient | undefined
  /** Ends the connection, which the next request opens again. */
  connection: Scope.Closeable | undefined
  readonly users: ConnectionUsers
}

/** Whether the listed server of the open connection was changed or removed since. */
const changeOf = (
  { opened, request }: Client,
  servers: Readonly<Record<string, upstreamSection.ServerSettings>>
): "changed" | "removed" | undefined => {
  if (opened?.listed === undefined) return undefined
  const [name, settings] = findListed(request, servers) ?? []
  if (name !== opened.listed) return "removed"
  return Equal.equals(settings, opened.definition) ? undefined : "changed"
}

const removed = new NotFound({
  detail: "The server of this connection was removed from mcpServers. Connect again."
})

const notFound = (id: string) =>
  new NotFound({ detail: `No client with the id ${id.slice(0, 128)}. Connect first.` })

const full = new TooManyRequests({
  detail: "Too many connections (quotas.connections). Disconnect one, or retry later."
})

/** How often idle connections are looked for, as a part of the idle time-out. */
const sweepsPerTimeout = 10
const longestSweep = Duration.toMillis("1 minute")

export const make = Effect.gen(function* () {
  const config = yield* ConfigSource
  const clock = yield* Clock.Clock
  const ids = yield* Ids
  const { connections: quota } = yield* Quotas
  const saved = yield* savedClients.make
  const open = yield* openClient.make
  const scope = yield* Effect.flatMap(Effect.scope, (own) => Scope.fork(own, "parallel"))
  const { follow } = yield* Authenticator
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const clients = new Map<string, Client>()
  const idleTimeout = Effect.map(Effect.orDie(config.read(mcp.section)), ({ connection }) =>
    Duration.toMillis(connection.idle_timeout)
  )

  const touch = (client: Client) =>
    Effect.sync(() => {
      client.lastActivity = clock.currentTimeMillisUnsafe()
      client.idleSince = monotonicMillis(clock)
    })

  /** Closes the connection; the next request opens it again. */
  const reset = (client: Client, why: string) =>
    Effect.suspend(() => {
      const { connection } = client
      client.opened = client.connection = undefined
      if (connection === undefined) return Effect.void
      return Effect.andThen(
        Effect.logInfo(`REST connection ended: ${why}`).pipe(Effect.annotateLogs({ client_id: client.id })),
        Scope.close(connection, Exit.void)
      )
    })

  /** Ends the connection of a revoked credential. The client stays for a new credential of its principal. */
  const hangUp = (client: Client) => client.turn.withPermit(reset(client, "its token was revoked"))

  const add = Effect.fnUntraced(function* (given: savedClients.SavedClient) {
    const client: Client = {
      ...given,
      idleSince: yield* monotonicNow,
      running: 0,
      scope: yield* Scope.fork(scope),
      turn: Semaphore.makeUnsafe(1),
      opened: undefined,
      connection: undefined,
      users: new ConnectionUsers(follow, () => void fork(Effect.forkIn(hangUp(client), scope)))
    }
    clients.set(client.id, client)
    return client
  })

  const close = Effect.fnUntraced(function* (client: Client) {
    if (!clients.delete(client.id)) return
    client.users.end()
    yield* saved.remove(client.id)
    yield* Scope.close(client.scope, Exit.void)
    quota.release(client.owner, 1)
  }, Effect.uninterruptible)

  /** Connections of the last run, which are opened when they are used. */
  const restored = yield* Effect.cached(
    Effect.flatMap(saved.all, (found) =>
      Effect.forEach(
        found,
        (client) => {
          quota.charge(client.owner, 1)
          return add(client)
        },
        { discard: true }
      )
    )
  )

  const sweep = Effect.gen(function* () {
    for (;;) {
      const timeout = yield* idleTimeout
      yield* Effect.sleep(Math.max(1, Math.min(longestSweep, timeout / sweepsPerTimeout)))
      const now = yield* monotonicNow
      for (const client of clients.values()) {
        const busy = client.running > 0 || client.opened?.busy() === true
        if (busy || now - client.idleSince < timeout) continue
        yield* Effect.logInfo("REST connection closed: idle").pipe(
          Effect.annotateLogs({ client_id: client.id })
        )
        yield* Effect.forkIn(close(client), scope)
      }
    }
  })
  yield* Effect.forkIn(sweep, scope)

  // Callers may use a server of the operator as long as it is listed, and as it is listed.
  yield* Effect.orDie(
    config.follow(upstreamSection.section, (servers) =>
      Effect.forEach(
        [...clients.values()],
        (client) => {
          const change = changeOf(client, servers)
          if (change === undefined) return Effect.void
          const ended = reset(client, `its server was ${change}`)
          return change === "removed" ? Effect.andThen(ended, close(client)) : ended
        },
        { discard: true }
      )
    )
  )

  const find = Effect.fnUntraced(function* (principal: Principal, id: string) {
    yield* restored
    const client = clients.get(id)
    if (client === undefined || client.owner !== principal.key) return yield* notFound(id)
    return client
  })

  const opened = (client: Client, principal: Principal) =>
    client.turn.withPermit(
      Effect.gen(function* () {
        // The configuration may have been reloaded while the connection was opened.
        const change = changeOf(client, yield* Effect.orDie(config.read(upstreamSection.section)))
        if (change === "removed") {
          yield* close(client)
          return yield* removed
        }
        if (change === "changed") yield* reset(client, "its server was changed")
        if (client.opened !== undefined) return client.opened
        const { id, request } = client
        return yield* Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const attempt = yield* Scope.fork(client.scope)
            const onUse = () => {
              client.lastActivity = clock.currentTimeMillisUnsafe()
              client.idleSince = monotonicMillis(clock)
            }
            client.opened = yield* restore(
              open({ principal, id, request, onUse }).pipe(Effect.provideService(Scope.Scope, attempt))
            ).pipe(Effect.onError(() => Scope.close(attempt, Exit.void)))
            client.connection = attempt
            return client.opened
          })
        )
      })
    )

  const isTaken = (principal: Principal, { federate, name }: ConnectRequest) =>
    federate === true &&
    [...clients.values()].some(
      ({ owner, request }) => request.federate === true && request.name === name && owner === principal.key
    )

  return {
    connect: Effect.fn("Clients.connect")(function* (principal: Principal, request: ConnectRequest) {
      yield* restored
      if (isTaken(principal, request)) {
        const detail = `You have a federated connection with the name ${request.name}. Choose another name.`
        return yield* new Unprocessable({ detail })
      }
      const { key: owner } = principal
      return yield* Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          if (!quota.take(owner, 1)) return yield* full
          const id = yield* ids.next
          const now = yield* Clock.currentTimeMillis
          const description = { id, owner, request, createdAt: now, lastActivity: now }
          const client = yield* add(description)
          client.running++
          client.users.add((yield* RestRequest).grant)
          yield* restore(Effect.andThen(opened(client, principal), saved.save(description))).pipe(
            Effect.onError(() => close(client))
          )
          client.running--
          yield* touch(client)
          yield* Effect.logInfo("REST connection opened").pipe(
            Effect.annotateLogs({ client_id: id, subject: principal.subject, transport: request.transport })
          )
          return client
        })
      )
    }),
    find,
    /** Runs a request on the connection, which is opened again if it is closed. */
    use: <A, E, R>(
      principal: Principal,
      id: string,
      request: (client: openClient.OpenedClient) => Effect.Effect<A, E, R>
    ) =>
      Effect.flatMap(find(principal, id), (client) =>
        Effect.acquireUseRelease(
          Effect.flatMap(RestRequest, ({ grant }) => {
            client.running++
            client.users.add(grant)
            return touch(client)
          }),
          () =>
            Effect.flatMap(opened(client, principal), (found) =>
              Effect.andThen(found.authorized, request(found))
            ),
          () =>
            Effect.andThen(
              Effect.sync(() => client.running--),
              touch(client)
            )
        )
      ),
    disconnect: (principal: Principal, id: string) =>
      Effect.flatMap(find(principal, id), (client) =>
        Effect.andThen(client.opened?.forget ?? Effect.void, close(client))
      ),
    list: (principal: Principal) =>
      Effect.map(restored, () => [...clients.values()].filter(({ owner }) => owner === principal.key))
  }
})
export type Clients = Effect.Success<typeof make>
