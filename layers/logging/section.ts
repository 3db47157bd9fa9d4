/** The configuration of the log. */
import { Schema } from "effect"
import { RelativePathSetting } from "../config/pathSettings.ts"
import * as Section from "../config/Section.ts"
import { thresholds } from "./LogLevel.ts"

const from = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

export const section = Section.make(
  "logging",
  Schema.Struct({
    level: Section.optional(Schema.Literals(thresholds), "info", "The least severe level that is written."),
    format: Section.optional(
      Schema.Literals(["auto", "json", "pretty"]),
      "auto",
      "How lines look on the standard stream; auto: readable on a terminal, else JSON."
    ),
    file: Schema.optionalKey(
      RelativePathSetting("File that gets every line as JSON as well; a relative path starts in storage.dir.")
    ),
    max_bytes: Section.optional(
      from(1024, 2 ** 31 - 1),
      10 * 1024 * 1024,
      "Size in bytes at which the file is renamed to `<file>.1`, and a new one begun."
    ),
    keep: Section.optional(from(0, 100), 5, "How many renamed files are kept."),
    lines_per_second: Section.optional(
      from(1, 1_000_000),
      100,
      "Most lines a second that one tool or other source may log below warn, and as many from warn up."
    ),
    recent_lines: Section.optional(from(1, 100_000), 1000, "How many lines can be queried later."),
    recent_bytes: Section.optional(
      from(1024, 2 ** 30),
      1024 * 1024,
      "How much memory the lines that can be queried may take, in bytes."
    )
  }),
  {
    description: "What is logged, and where to.",
    env: { LOG_LEVEL: { path: ["level"], kind: "word" } }
  }
)

export type Settings = (typeof section)["schema"]["Type"]
