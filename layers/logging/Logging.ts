/** The log: a JSON line for each event on standard error, or readable text when that is a terminal. */
import { Array, Effect, Formatter, Layer, Logger, References, Schema, Stdio, type LogLevel } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import * as Section from "../config/Section.ts"

const levels = {
  trace: "Trace",
  debug: "Debug",
  info: "Info",
  warn: "Warn",
  error: "Error",
  fatal: "Fatal",
  none: "None"
} as const satisfies Record<string, LogLevel.LogLevel>

const names = ["trace", "debug", "info", "warn", "error", "fatal", "none"] as const satisfies ReadonlyArray<
  keyof typeof levels
>

export const section = Section.make(
  "logging",
  Schema.Struct({
    level: Section.optional(Schema.Literals(names), "info", "The least severe level that is written.")
  }),
  { env: { LOG_LEVEL: { path: ["level"], kind: "word" } } }
)

/** C0 and C1 controls, line separators, and marks that turn the direction of text: what could forge or hide lines. */
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

/** One line of JSON: `timestamp`, `level`, `message`, and where they exist `annotations`, `spans` (ms), `cause`. */
export const json = Logger.map(Logger.formatStructured, (event) => {
  const { annotations, cause, level, message, spans, timestamp } = event
  const line = {
    timestamp,
    level: level.toLowerCase(),
    message,
    ...(Object.keys(annotations).length > 0 && { annotations }),
    ...(Object.keys(spans).length > 0 && { spans }),
    ...(cause !== undefined && { cause })
  }
  return Formatter.formatJson(line).replace(controls, escape)
})

const show = (value: unknown): string => (typeof value === "string" ? value : Formatter.formatJson(value))

/** `12:30:01 INFO  message key=value`, and a cause on the lines below. */
export const pretty = Logger.map(Logger.formatStructured, (event) => {
  const pairs = Object.entries(event.annotations).map(([key, value]) => `${key}=${show(value)}`)
  const spans = Object.entries(event.spans).map(([label, millis]) => `${label}=${millis}ms`)
  const text = [...Array.ensure(event.message).map(show), ...pairs, ...spans]
    .join(" ")
    .replace(controls, escape)
  const cause = event.cause?.split("\n").map((line) => `\n  ${line.replace(controls, escape)}`)
  return `${event.timestamp.slice(11, 19)} ${event.level.padEnd(5)} ${text}${cause?.join("") ?? ""}`
})

/** Sets the level and writes to standard error only: standard output belongs to the protocol. */
const layer = Layer.unwrap(
  Effect.gen(function* () {
    const { level } = yield* (yield* ConfigSource).read(section)
    const stdio = yield* Stdio.Stdio
    const format = (yield* stdio.stderrIsTerminal) ? pretty : json
    return Layer.mergeAll(
      Logger.layer([Logger.withConsoleError(format)]),
      Layer.succeed(References.MinimumLogLevel, levels[level]),
      Layer.succeed(References.LogToStderr, true)
    )
  })
)

export const Logging = { layer }
