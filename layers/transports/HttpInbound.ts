/** The `Inbound` of one HTTP request: principal, headers, and the request id, which is read when first needed. */
import type { Connection } from "../http/Routes.ts"
import type { Grant } from "../identity/Grant.ts"
import type { Inbound } from "./McpServers.ts"

export class HttpInbound implements Inbound {
  readonly principal
  readonly session
  readonly release
  readonly #request: Request
  readonly #connection: Pick<Connection, "requestId">
  readonly #number: number

  /** `number` is the index of the request in its batch. */
  constructor(
    grant: Grant,
    request: Request,
    connection: Pick<Connection, "requestId">,
    number = 0,
    session?: string,
    release?: () => void
  ) {
    this.principal = grant.principal
    this.session = session
    this.release = release
    this.#request = request
    this.#connection = connection
    this.#number = number
  }

  /** The id in the response's `X-Request-Id`; further requests of a batch append their number (`id:1`). */
  get requestId(): string {
    const { requestId } = this.#connection
    return this.#number === 0 ? requestId : `${requestId}:${this.#number}`
  }

  get headers(): Headers {
    return this.#request.headers
  }
}
