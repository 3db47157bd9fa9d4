/** The configuration of templates: where an operator's own are, and what a rendering may use. */
import { Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import { PathSetting } from "../config/pathSettings.ts"
import * as Section from "../config/Section.ts"

const characters = Schema.Int.check(Schema.isBetween({ minimum: 1000, maximum: 4 * 1024 * 1024 }))
const entries = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))

export const section = Section.deferred(
  "templates",
  () =>
    Schema.Struct({
      dir: Schema.optionalKey(
        PathSetting(
          "Folder with templates of your own (`summarize.sqrl`), which override those that came with the program and take effect when they are saved."
        )
      ),
      cache_ttl: Section.optional(
        DurationSetting,
        "5 minutes",
        "How long a rendered prompt is kept; 0 keeps none."
      ),
      cache_entries: Section.optional(entries, 256, "Most rendered prompts to keep."),
      max_chars: Section.optional(characters, 256 * 1024, "Most characters that one prompt may have."),
      timeout: Section.optional(DurationSetting, "5 seconds", "How long rendering a prompt may take.")
    }),
  {
    description: "Templates of prompts.",
    env: { MANIFOLD_TEMPLATES_DIR: { path: ["dir"], kind: "path" } }
  }
)

export type Settings = (typeof section)["schema"]["Type"]
