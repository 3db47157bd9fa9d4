/** Running requests at one upstream server: requests of a session-era server go to the caller of the running request. */
import { Context, Effect, Schema } from "effect"
import type { Progress } from "../../layers/progress/Progress.ts"
import { Client, Level } from "../catalog/Client.ts"
import type { JsonObject } from "../domain/JsonObject.ts"
import { type Member, MemberList } from "../domain/MemberList.ts"
import { Caller } from "../catalog/Caller.ts"
import { toInputRequest } from "./inputRequest.ts"
import { UrlElicitations } from "./UrlElicitations.ts"

const isLevel = Schema.is(Level)

/** Services of a caller's request. */
type Services = Caller | Client | Progress

/** A running request, and the origin of what the server sends on its stream. */
class Running implements Member {
  place = -1
  /** Counts the requests. */
  readonly number: number
  readonly context: Context.Context<Caller | Client>
  asked = 0

  constructor(number: number, context: Context.Context<Caller | Client>) {
    this.number = number
    this.context = context
  }

  /** Whether both requests are of one client. */
  isOfClientOf(other: Running): boolean {
    const [client, others] = [Context.get(this.context, Client), Context.get(other.context, Client)]
    return (
      (client.identity?.() ?? client) === (others.identity?.() ?? others) &&
      Context.get(this.context, Caller).principal.key === Context.get(other.context, Caller).principal.key
    )
  }
}

export class RunningRequests {
  readonly #running = new MemberList<Running>()
  readonly #clientOf: (own: Client["Service"]) => Client["Service"]
  #count = 0
  readonly elicitations = new UrlElicitations()

  /** `clientOf`: the client that is asked instead of the caller's own. */
  constructor(clientOf: (own: Client["Service"]) => Client["Service"]) {
    this.#clientOf = clientOf
  }

  get size(): number {
    return this.#running.size
  }

  /** Runs a request of a caller, who receives the server's requests meanwhile. */
  run<A, E, R>(
    request: (context: Context.Context<Services>, origin: object) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R | Services> {
    return Effect.contextWith((context: Context.Context<Services>) => {
      const running = new Running(++this.#count, context)
      const requested = request(context, running)
      this.#running.add(running)
      return Effect.onExitPrimitive(requested, () => {
        this.#running.remove(running)
        return undefined
      })
    })
  }

  /**
   * Forwards a request of the server to the client of the request that caused it. Over streamable HTTP that is the request on
   * whose stream it arrived, `origin`. On other transports no message names its cause: while requests of several clients run, it
   * is rejected, as a client must not be asked because of another one's request.
   */
  ask(method: string, params: JsonObject, origin?: object): Promise<JsonObject> {
    const [running, isOnly] = this.#cause(origin)
    const client = running && this.#clientOf(Context.get(running.context, Client))
    // Servers may ask for roots at any time. The list is empty unless the running caller has roots.
    if (method === "roots/list" && client?.supports("roots") !== true) return Promise.resolve({ roots: [] })
    if (running === undefined || client === undefined) {
      return Promise.reject(new Error("No request is running whose client could be asked."))
    }
    if (!isOnly) {
      return Promise.reject(
        new Error(
          `Calls of several clients are running, and this transport does not say which of them caused ${method}.`
        )
      )
    }
    const request = toInputRequest(method, params)
    if (request === undefined) return Promise.reject(new Error(`Unknown request: ${method}`))
    // The server handles the error of a request that the caller does not support.
    if (!client.supports(request.kind))
      return Promise.reject(new Error(`The client does not support ${method}.`))
    if (request.kind === "visit") this.elicitations.add(request.elicitationId, running.context)
    const key = `upstream-${++running.asked}`
    return Effect.runPromiseWith(running.context)(
      // `ask` has checked that the response has the shape that MCP defines for its request.
      Effect.map(client.ask({ [key]: request }), (answers) => answers[key] as unknown as JsonObject)
    )
  }

  /**
   * Passes a log message of the server on to the client of the request that caused it. Dropped where `ask` rejects: a message
   * may contain data of its caller.
   */
  log({ data, level, logger }: JsonObject, origin?: object): void {
    const [running, isOnly] = this.#cause(origin)
    if (running === undefined || !isOnly) return
    const client = Context.get(running.context, Client)
    Effect.runForkWith(running.context)(
      client.log(isLevel(level) ? level : "info", data, typeof logger === "string" ? logger : undefined)
    )
  }

  /** The request that caused a message of the server, or the first that may have, and whether all of these are of one client. */
  #cause(origin: object | undefined): readonly [cause: Running | undefined, isOnly: boolean] {
    if (origin instanceof Running) return [origin.place === -1 ? undefined : origin, true]
    const [first, ...others] = this.#running.all().toSorted((one, other) => one.number - other.number)
    return [first, others.every((other) => first?.isOfClientOf(other))]
  }
}
