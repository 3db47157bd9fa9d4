/** HTTP responses with a JSON-RPC error: rejections by status, by `Failure` and by `MessageRejection`. */
import { isObject } from "../../src/domain/JsonObject.ts"
import type { Failure } from "../../src/domain/Failure.ts"
import { json } from "../http/responses.ts"
import { errorMessage, type MessageRejection } from "./jsonRpc.ts"

const idOf = (body: unknown) =>
  isObject(body) && (typeof body.id === "string" || typeof body.id === "number") ? body.id : null

/** A JSON-RPC error with an HTTP status, and with the id of the request in `body`. */
export const reject = (status: number, message: string, data?: object, body?: unknown, code = status) =>
  json(status, errorMessage(code, message, idOf(body), data))

/** The response for a failure of the request in `body`. */
export const rejectionOf = ({ code, data, headers, message, status }: Failure, body?: unknown) =>
  json(status, errorMessage(code, message, idOf(body), data), headers)

export const messageRejected = ({ code, id, message, status }: MessageRejection) =>
  json(status, errorMessage(code, message, id))

export const sessionNotFound = () => reject(404, "Session not found. Initialize a new one.")
