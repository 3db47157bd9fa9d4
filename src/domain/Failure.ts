/** Wire form of a typed error: JSON-RPC code and data, HTTP status and headers. */

export interface Failure {
  /** JSON-RPC error code; see `errorCodes.ts`. */
  readonly code: number
  readonly message: string
  readonly data?: object
  /** HTTP status of a response that contains only this failure. */
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
}

export const isFailure = (value: object): value is Failure => "code" in value && "status" in value

/**
 * Whether the request was rejected before it was served. Over MCP's HTTP transports only such a failure sets the HTTP
 * status: its code is an HTTP status.
 */
export const isRejection = ({ code }: Failure): boolean => code > 0

/** The error member of a JSON-RPC response. */
export const toErrorObject = ({ code, data, message }: Failure) => ({
  code,
  message,
  ...(data !== undefined && { data })
})
