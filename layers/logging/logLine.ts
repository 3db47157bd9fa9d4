/** Formats a log event as one line: JSON that is safe against log injection, or readable text. */
import { DateTime } from "effect"
import type { Level } from "./LogLevel.ts"
import { isSecretName, redact } from "./redact.ts"
import { mask, redactText } from "./redactText.ts"

/** C0 and C1 controls, line separators and bidirectional marks, which could forge or hide lines. */
const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
const escapeOne = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
/** The text in one line, in which nothing is hidden. */
export const escapeControls = (text: string): string => text.replace(controls, escapeOne)

const pad3 = (value: number): string => (value < 10 ? `00${value}` : value < 100 ? `0${value}` : `${value}`)

let lastMillis = -1
let lastSecond = -1
let prefix = ""
let stamp = ""

/** RFC 3339 in UTC with milliseconds. The last value is cached, because many lines share it. */
export const timestamp = (millis: number): string => {
  if (millis === lastMillis) return stamp
  const second = Math.floor(millis / 1000)
  if (second !== lastSecond) {
    prefix = DateTime.formatIso(DateTime.makeUnsafe(second * 1000)).slice(0, -4)
    lastSecond = second
  }
  lastMillis = millis
  return (stamp = `${prefix}${pad3(millis - second * 1000)}Z`)
}

/** A duration to the microsecond as a JSON number. Formatting two integers is faster than formatting a fraction. */
export const milliseconds = (duration: number): string => {
  const micros = Math.max(0, Math.round(duration * 1000))
  const whole = Math.floor(micros / 1000)
  return `${whole}.${pad3(micros - whole * 1000)}`
}

/** The text as a JSON string, without secrets. */
export const quote = (text: string): string => escapeControls(JSON.stringify(redactText(text)))

const mostQuoted = 1000
const longestQuoted = 256

/** `quote` with a cache, for names and paths, which are few, so that each is redacted once. */
export const makeQuote = () => {
  const known = new Map<string, string>()
  return (text: string): string => {
    const quoted = known.get(text)
    if (quoted !== undefined) return quoted
    const fresh = quote(text)
    if (text.length <= longestQuoted) {
      if (known.size >= mostQuoted) known.clear()
      known.set(text, fresh)
    }
    return fresh
  }
}

/** Only lower-case hexadecimal and `-`, as in UUIDs and trace ids: no escaping or redaction is needed. */
const isHexadecimal = (text: string): boolean => {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102) || code === 45)) return false
  }
  return true
}

/** `quote` for ids, with a fast path for those that cannot contain a secret. */
export const quoteId = (id: string): string => (isHexadecimal(id) ? `"${id}"` : quote(id))

/** The value as JSON, without secrets. */
export const show = (value: unknown): string => escapeControls(JSON.stringify(redact(value)) ?? "null")

/** Start of every line, to be followed by further members and `}`. */
export const opening = (millis: number, level: Level, message: string): string =>
  `{"timestamp":"${timestamp(millis)}","level":"${level}","message":${message}`

export interface LogEvent {
  /** Milliseconds since 1970. */
  readonly time: number
  readonly level: Level
  readonly message: unknown
  /** Additional members, such as `request_id`. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Milliseconds by label. */
  readonly spans?: Readonly<Record<string, number>>
  readonly cause?: string
}

const own = new Set(["timestamp", "level", "message", "spans", "cause"])

/** `{"timestamp":…,"level":…,"message":…}` with the fields, and with `spans` and `cause` if present. */
export const json = ({ cause, fields, level, message, spans, time }: LogEvent): string => {
  let line = opening(time, level, show(message))
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue
    const name = quote(own.has(key) ? `field.${key}` : key)
    line += `,${name}:${isSecretName(key, value) ? `"${mask}"` : show(value)}`
  }
  if (spans !== undefined) line += `,"spans":${show(spans)}`
  if (cause !== undefined) line += `,"cause":${quote(cause)}`
  return `${line}}`
}

const plain = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value))

/** Formats a JSON line as `12:30:01 INFO  message key=value`, with a cause on separate lines. */
export const pretty = (line: string): string => {
  const { cause, level, message, timestamp: at, ...rest } = JSON.parse(line) as Record<string, unknown>
  const texts = (Array.isArray(message) ? message : [message]).map(plain)
  const pairs = Object.entries(rest).map(([key, value]) => `${key}=${plain(value)}`)
  const below =
    typeof cause === "string" ? cause.split("\n").map((text) => `\n  ${escapeControls(text)}`) : []
  const head = `${String(at).slice(11, 19)} ${String(level).toUpperCase().padEnd(5)}`
  return `${head} ${escapeControls([...texts, ...pairs].join(" "))}${below.join("")}`
}
