/** Requests that run at one upstream server: what a server of the session era asks goes to the caller of the one that runs. */
import { Context, Effect, Schema } from "effect"
import { Client, Level } from "../catalog/Client.ts"
import type { JsonObject } from "../domain/JsonObject.ts"
import { toInputRequest } from "./inputRequest.ts"

const isLevel = Schema.is(Level)

interface Running {
  readonly context: Context.Context<Client>
  asked: number
}

export class RunningRequests {
  readonly #running = new Set<Running>()

  get size(): number {
    return this.#running.size
  }

  /** Runs a request of a caller, who answers what the server asks meanwhile. */
  run<A, E, R>(request: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Client> {
    return Effect.contextWith((context: Context.Context<Client>) => {
      const running: Running = { context, asked: 0 }
      return Effect.acquireUseRelease(
        Effect.sync(() => this.#running.add(running)),
        () => request,
        () => Effect.sync(() => this.#running.delete(running))
      )
    })
  }

  /**
   * Asks the caller. A server does not say for which request it asks: with several at once there is no safe answer, as
   * one caller must not be asked for what another one does.
   */
  ask(method: string, params: JsonObject): Promise<JsonObject> {
    const [running, ...others] = this.#running
    const client = running && Context.get(running.context, Client)
    // Servers ask for roots when they start, whatever runs then: a caller that has none is not asked.
    if (method === "roots/list" && client?.supports("roots") !== true) return Promise.resolve({ roots: [] })
    if (running === undefined || client === undefined) {
      return Promise.reject(new Error("No request runs whose caller could be asked."))
    }
    if (others.some(({ context }) => Context.get(context, Client) !== client)) {
      return Promise.reject(
        new Error("Several callers use this server, and the request does not say whom it asks.")
      )
    }
    const request = toInputRequest(method, params)
    if (request === undefined) return Promise.reject(new Error(`Unknown request: ${method}`))
    // A request that the caller cannot answer is the server's to handle, and would end the call.
    if (!client.supports(request.kind))
      return Promise.reject(new Error(`The client does not support ${method}.`))
    const key = `upstream-${++running.asked}`
    return Effect.runPromiseWith(running.context)(
      Effect.map(client.ask({ [key]: request }), (answers) => answers[key] as unknown as JsonObject)
    )
  }

  /**
   * Passes a log message of the server on to the caller whose request runs. Dropped while several callers' requests run: a
   * message may contain data of its caller.
   */
  log({ data, level, logger }: JsonObject): void {
    const [running, ...others] = this.#running
    if (running === undefined) return
    const client = Context.get(running.context, Client)
    if (others.some(({ context }) => Context.get(context, Client) !== client)) return
    Effect.runForkWith(running.context)(
      client.log(isLevel(level) ? level : "info", data, typeof logger === "string" ? logger : undefined)
    )
  }
}
