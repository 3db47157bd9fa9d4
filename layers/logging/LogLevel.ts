/** Log levels, from the least to the most severe, as in the configuration and in log lines. */
import type { LogLevel } from "effect"

export const levels = ["trace", "debug", "info", "warn", "error", "fatal"] as const
export type Level = (typeof levels)[number]

/** The least severe level that is written; `none` writes nothing. */
export const thresholds = [...levels, "none"] as const
export type Threshold = (typeof thresholds)[number]

/** Greater is more severe. */
export const rank: Readonly<Record<Threshold, number>> = {
  trace: 0,
  debug: 1,
  info: 2,
  warn: 3,
  error: 4,
  fatal: 5,
  none: 6
}

/** `All` and `None` are thresholds; no line has them. */
export const ofEffect: Readonly<Record<LogLevel.LogLevel, Level>> = {
  All: "trace",
  Trace: "trace",
  Debug: "debug",
  Info: "info",
  Warn: "warn",
  Error: "error",
  Fatal: "fatal",
  None: "fatal"
}
