/** Running requests at one upstream server: requests of a session-era server go to the caller of the running request. */
import { Context, Effect, Schema } from "effect"
import type { Progress } from "../../layers/progress/Progress.ts"
import { Client, Level } from "../catalog/Client.ts"
import type { JsonObject } from "../domain/JsonObject.ts"
import { TransientMap } from "../domain/TransientMap.ts"
import type { Caller } from "../catalog/Caller.ts"
import { toInputRequest } from "./inputRequest.ts"
import { UrlElicitations } from "./UrlElicitations.ts"

const isLevel = Schema.is(Level)

/** Services of a caller's request. */
type Services = Caller | Client | Progress

interface Running {
  readonly context: Context.Context<Caller | Client>
  asked: number
}

export class RunningRequests {
  readonly #running = new TransientMap<number, Running>()
  #count = 0
  readonly elicitations = new UrlElicitations()

  get size(): number {
    return this.#running.size
  }

  /** Runs a request of a caller, who receives the server's requests meanwhile. */
  run<A, E, R>(
    request: (context: Context.Context<Services>) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R | Services> {
    return Effect.contextWith((context: Context.Context<Services>) => {
      const number = ++this.#count
      const requested = request(context)
      this.#running.set(number, { context, asked: 0 })
      return Effect.onExitPrimitive(requested, () => {
        this.#running.delete(number)
        return undefined
      })
    })
  }

  /**
   * Forwards a request of the server to the caller. Session-era requests do not name the request that caused them: with
   * several callers at once they are rejected, as a caller must not be asked because of another one's request.
   */
  ask(method: string, params: JsonObject): Promise<JsonObject> {
    const [running, ...others] = this.#running.values()
    const client = running && Context.get(running.context, Client)
    // Servers may ask for roots at any time. The list is empty unless the running caller has roots.
    if (method === "roots/list" && client?.supports("roots") !== true) return Promise.resolve({ roots: [] })
    if (running === undefined || client === undefined) {
      return Promise.reject(new Error("No request is running whose caller could be asked."))
    }
    if (others.some(({ context }) => Context.get(context, Client) !== client)) {
      return Promise.reject(
        new Error("Several callers use this server, and the request does not say whom it asks.")
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
   * Passes a log message of the server on to the caller whose request runs. Dropped while several callers' requests run: a
   * message may contain data of its caller.
   */
  log({ data, level, logger }: JsonObject): void {
    const [running, ...others] = this.#running.values()
    if (running === undefined) return
    const client = Context.get(running.context, Client)
    if (others.some(({ context }) => Context.get(context, Client) !== client)) return
    Effect.runForkWith(running.context)(
      client.log(isLevel(level) ? level : "info", data, typeof logger === "string" ? logger : undefined)
    )
  }
}
