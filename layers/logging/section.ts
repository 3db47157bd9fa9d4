/** The section `logging`. */
import { Schema } from "effect"
import { RelativePathSetting } from "../config/pathSettings.ts"
import * as Section from "../config/Section.ts"
import { thresholds } from "./LogLevel.ts"

const from = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

export const section = Section.make(
  "logging",
  Schema.Struct({
    level: Section.optional(
      Schema.Literals(thresholds),
      "info",
      "Minimum level of log lines; `none` disables the log."
    ),
    format: Section.optional(
      Schema.Literals(["auto", "json", "pretty"]),
      "auto",
      "Format on the standard stream; auto: readable text on a terminal, else JSON."
    ),
    file: Schema.optionalKey(
      RelativePathSetting("Additional log file (JSON lines); a relative path starts in storage.dir.")
    ),
    max_bytes: Section.optional(
      from(1024, 2 ** 31 - 1),
      10 * 1024 * 1024,
      "Maximum size of the log file in bytes; then it is rotated to `<file>.1`."
    ),
    keep: Section.optional(from(0, 100), 5, "Number of rotated files to keep."),
    lines_per_second: Section.optional(
      from(1, 1_000_000),
      100,
      "Rate limit per tool or other source: lines per second below warn, and the same number at warn and above."
    ),
    recent_lines: Section.optional(from(1, 100_000), 1000, "Maximum lines in memory for queries."),
    recent_bytes: Section.optional(
      from(1024, 2 ** 30),
      1024 * 1024,
      "Maximum memory for these lines in bytes."
    )
  }),
  {
    description: "Log level, format and outputs.",
    env: {
      LOG_LEVEL: { path: ["level"], kind: "word" },
      MANIFOLD_LOG_FILE: { path: ["file"], kind: "path" }
    }
  }
)

export type Settings = (typeof section)["schema"]["Type"]
