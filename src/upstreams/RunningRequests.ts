/** Running requests at one upstream server: requests of a session-era server go to the caller of the running request. */
import { Context, Effect, Schema } from "effect"
import type { Progress } from "../../layers/progress/Progress.ts"
import { Client, Level } from "../catalog/Client.ts"
import type { JsonObject } from "../domain/JsonObject.ts"
import { SlotSet } from "../domain/SlotSet.ts"
import type { Caller } from "../catalog/Caller.ts"
import { toInputRequest } from "./inputRequest.ts"
import { UrlElicitations } from "./UrlElicitations.ts"

const isLevel = Schema.is(Level)

/** Services of a caller's request. */
type Services = Caller | Client | Progress

interface Running {
  /** Counts the requests. */
  readonly number: number
  readonly context: Context.Context<Caller | Client>
  asked: number
}

export class RunningRequests {
  readonly #running = new SlotSet<Running>()
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
    request: (context: Context.Context<Services>) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R | Services> {
    return Effect.contextWith((context: Context.Context<Services>) => {
      const requested = request(context)
      const slot = this.#running.add({ number: ++this.#count, context, asked: 0 })
      return Effect.onExitPrimitive(requested, () => {
        this.#running.delete(slot)
        return undefined
      })
    })
  }

  /**
   * Forwards a request of the server to the caller. Session-era requests do not name the request that caused them: with
   * several callers at once they are rejected, as a caller must not be asked because of another one's request.
   */
  ask(method: string, params: JsonObject): Promise<JsonObject> {
    const [running, isOnly] = this.#first()
    const client = running && this.#clientOf(Context.get(running.context, Client))
    // Servers may ask for roots at any time. The list is empty unless the running caller has roots.
    if (method === "roots/list" && client?.supports("roots") !== true) return Promise.resolve({ roots: [] })
    if (running === undefined || client === undefined) {
      return Promise.reject(new Error("No request is running whose caller could be asked."))
    }
    if (!isOnly) {
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
    const [running, isOnly] = this.#first()
    if (running === undefined || !isOnly) return
    const client = Context.get(running.context, Client)
    Effect.runForkWith(running.context)(
      client.log(isLevel(level) ? level : "info", data, typeof logger === "string" ? logger : undefined)
    )
  }

  /** The first of the running requests, and whether all have its client. */
  #first(): readonly [first: Running | undefined, isOnly: boolean] {
    const [first, ...others] = Array.from(this.#running).toSorted((one, other) => one.number - other.number)
    const client = first && Context.get(first.context, Client)
    return [first, others.every(({ context }) => Context.get(context, Client) === client)]
  }
}
