/** Commands of a test: the real service with an administrator, and calls of `run_command`. */
import { Effect, Layer } from "effect"
import { bearer } from "./rest.ts"
import { endpoint, post, readJson, service, stateless } from "./service.ts"

export const admin = "admin-0123456789abcdef0123456789abcdef"
export const user = "user-0123456789abcdef0123456789abcdef0"

const auth = {
  tokens: [
    { name: "admin", token: admin, scopes: ["read", "call", "admin"] },
    { name: "user", token: user }
  ]
}

export const served = (commands: Record<string, unknown>, config: Record<string, unknown> = {}) =>
  Layer.build(service({ auth, commands, ...config }))

export interface Ran {
  readonly command: string
  readonly exit_code: number | null
  readonly ended: string
  readonly stdout: string
  readonly stderr: string
  readonly truncated: boolean
  readonly sandboxed: boolean
  readonly duration_ms: number
}

export const call = (command: unknown, token = admin, signal?: AbortSignal) =>
  Effect.flatMap(endpoint, (url) => {
    const message = stateless(1, "tools/call", { name: "run_command", arguments: { command } })
    return Effect.flatMap(post(url, message.body, { ...message.headers, ...bearer(token) }, signal), readJson)
  })

/** The result of a command that ran. */
export const run = (command: string) =>
  Effect.map(call(command), (message) => {
    const { result } = message as { readonly result?: { readonly structuredContent?: Ran } }
    if (result?.structuredContent === undefined) throw new Error(JSON.stringify(message))
    return result.structuredContent
  })

/** The message of a command that did not run. */
export const problem = (command: unknown, token = admin) =>
  Effect.map(call(command, token), (message) => {
    const { error, result } = message as {
      readonly error?: { readonly message: string }
      readonly result?: {
        readonly isError?: boolean
        readonly content: ReadonlyArray<{ readonly text: string }>
      }
    }
    if (error !== undefined) return error.message
    if (result?.isError !== true) throw new Error(JSON.stringify(message))
    return result.content.map(({ text }) => text).join("\n")
  })
