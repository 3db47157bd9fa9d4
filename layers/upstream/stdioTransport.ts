/** Transport to an MCP server over standard input and output of a process that it starts in a process group. */
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client"
import { Deferred, Effect, Exit, Option, Record, Redacted } from "effect"
import { Environment } from "../platform/Environment.ts"
import { describeSystemError } from "../platform/describeFileError.ts"
import { startPiped } from "../platform/pipedProcess.ts"
import { homeFolder } from "../platform/userFolders.ts"
import { LineReader } from "../transports/LineReader.ts"
import { OrphanGuard } from "./OrphanGuard.ts"
import { idOfPart, MessageTooLarge } from "./PendingRequests.ts"
import type { ServerSettings } from "./section.ts"
import { UpstreamError } from "./UpstreamError.ts"

/** Environment variables that are passed on: search path, home and the like, but no secrets. */
const inherited = [
  ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TERM", "TMPDIR"],
  [
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMFILES",
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "TEMP",
    "USERPROFILE",
    "COMSPEC",
    "PATHEXT"
  ]
].flat()

const environmentOf = ({ env = {} }: ServerSettings, { get }: Environment["Service"]) => ({
  ...Object.fromEntries(
    inherited.flatMap((name) => {
      const value = get(name)
      return value === undefined ? [] : [[name, value] as const]
    })
  ),
  ...Record.map(env, (value) => Redacted.value(value))
})

/** Variable with the ids of the instances that a process was started by, in order. */
const instancesVariable = "MANIFOLD_INSTANCES"

/** Instances that start each other; more are a loop whose ids change because they have no state folder. */
const maxInstances = 8

/**
 * The variable for the process of a server. Fails if this instance was started by itself: it would start the server again,
 * which would start this instance again, without end.
 */
const instancesOf = Effect.fnUntraced(function* (
  server: string,
  own: string,
  { get }: Environment["Service"]
) {
  const passed = (get(instancesVariable) ?? "").split(",").filter((id) => id !== "")
  if (!passed.includes(own) && passed.length < maxInstances) {
    return { [instancesVariable]: [...passed, own].join(",") }
  }
  return yield* new UpstreamError({
    server,
    stage: "start",
    detail:
      "this service was started as an upstream server of itself, and does not start its own servers again",
    unsent: true,
    permanent: true
  })
})

/** Time between SIGTERM and SIGKILL of a process group, in milliseconds. */
const graceful = 2000

/** Time in which a process that fails to start ends, and its last lines are read. */
const patience = "200 millis"

/** Number of standard error lines that an error message quotes. */
const keptLines = 5

/** Longest line of standard error that reaches the log, in bytes. */
const longestLogLine = 4096

export type StdioServices = Environment | OrphanGuard

export interface StdioOptions {
  readonly server: string
  readonly settings: ServerSettings
  /** Maximum message size in bytes; a longer message fails the request that it answers. */
  readonly maxMessageBytes: number
  /** Id of this service. Absent: a loop of services that start each other is not recognized here. */
  readonly instance: Effect.Effect<string> | undefined
}

/** Starts the process. When the scope closes, its whole process group ends. */
export const stdioTransport = Effect.fnUntraced(function* ({
  instance,
  maxMessageBytes,
  server,
  settings
}: StdioOptions) {
  const environment = yield* Environment
  const instances = instance === undefined ? {} : yield* instancesOf(server, yield* instance, environment)
  const guarded = yield* (yield* OrphanGuard).prepare
  const home = homeFolder(environment)
  const { command = "", args = [], cwd = home } = settings
  const child = yield* startPiped({
    command,
    args,
    env: { ...environmentOf(settings, environment), ...instances, ...guarded.environment },
    ...(cwd !== undefined && { cwd }),
    graceful
  }).pipe(
    Effect.mapError(
      (error) =>
        new UpstreamError({
          server,
          stage: "start",
          detail: `${command} cannot be started: ${describeSystemError(error)}`,
          unsent: true
        })
    )
  )
  yield* guarded.add(child.pid)
  const run = Effect.runForkWith(yield* Effect.context<never>())

  /** The last lines that the server wrote, for the error message. */
  const lastLines: Array<string> = []
  const errors = new LineReader(
    longestLogLine,
    (bytes) => {
      const line = new TextDecoder().decode(bytes)
      lastLines.push(line)
      if (lastLines.length > keptLines) lastLines.shift()
      run(Effect.logDebug(line).pipe(Effect.annotateLogs({ logger: server, upstream: server })))
    },
    () => {}
  )
  const errorsEnded = Deferred.makeUnsafe<void>()
  child.onErrorOutput(
    (chunk) => errors.push(chunk),
    () => void Deferred.doneUnsafe(errorsEnded, Exit.void)
  )

  const write = (message: object) => {
    child.write(`${JSON.stringify(message)}\n`)
  }
  const decoder = new TextDecoder()
  let hasEnded = false
  const transport: Transport = {
    start: async () => {
      const lines = new LineReader(
        maxMessageBytes,
        (line) => {
          let message: unknown
          try {
            message = JSON.parse(decoder.decode(line))
          } catch {
            transport.onerror?.(new Error("The server wrote a line that is not JSON on its standard output."))
            return
          }
          transport.onmessage?.(message as JSONRPCMessage)
        },
        () => {},
        (start, end) => {
          const id = idOfPart(decoder.decode(start), decoder.decode(end))
          const error = new MessageTooLarge({ maxBytes: maxMessageBytes, ...(id !== undefined && { id }) })
          transport.onerror?.(error)
        }
      )
      child.onOutput(
        (chunk) => lines.push(chunk),
        () => {
          hasEnded = true
          transport.onclose?.()
        }
      )
    },
    send: async (message) => {
      if (hasEnded) throw new Error("The server has closed its standard output.")
      write(message)
    },
    close: async () => {
      child.endInput()
    }
  }
  /** Reports the exit of the process as the cause, with what it wrote last, if it exits within `patience`. */
  const explain = (error: UpstreamError) =>
    Effect.gen(function* () {
      const code = yield* Effect.timeoutOption(child.exitCode, patience)
      if (Option.isNone(code) || code.value === null) return yield* error
      // A descendant may keep the pipe open.
      yield* Effect.timeoutOption(Deferred.await(errorsEnded), patience)
      return yield* new UpstreamError({
        server,
        stage: "start",
        detail: [`${command} exited with code ${code.value}`, ...lastLines].join("\n"),
        unsent: true
      })
    })
  return { transport, write, explain }
})
