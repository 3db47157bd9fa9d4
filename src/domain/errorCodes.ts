/** All JSON-RPC error codes of the program; `docs/errors.md` explains each one. */

/** Codes of JSON-RPC 2.0, section 5.1. */
export const parseError = -32700
export const invalidRequest = -32600
export const methodNotFound = -32601
export const invalidParams = -32602
export const internalError = -32603

/** Codes that MCP 2026-07-28 defines. */
export const headerMismatch = -32020
export const missingCapability = -32021
export const unsupportedVersion = -32022

/** The request was cancelled before its response: `RequestCancelled` of the Language Server Protocol 3.17. */
export const cancelled = -32800

/**
 * The program's own codes are HTTP statuses (RFC 9110), equal to the status of the HTTP response. They are outside
 * −32768…−32000: MCP 2026-07-28 forbids own codes in −32099…−32020 and discourages −32019…−32000.
 * For requests that a transport or the listener rejects, the code is the status of the response (400, 404, 405, 406, 413,
 * 415, 421, 426, 500).
 */
export const unauthorized = 401
export const forbidden = 403
export const limitReached = 429
export const unavailable = 503
