/** Config section `templates`: the operator's folder, cache, and limits of one rendering. */
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
          "Folder with your own templates, such as `summarize.sqrl`. They override the built-in ones and are reloaded when saved."
        )
      ),
      cache_ttl: Section.optional(
        DurationSetting,
        "5 minutes",
        "TTL of rendered prompts in the cache; 0 disables the cache."
      ),
      cache_entries: Section.optional(entries, 256, "Maximum number of rendered prompts in the cache."),
      max_chars: Section.optional(
        characters,
        256 * 1024,
        "Maximum length of a rendered prompt, in characters."
      ),
      timeout: Section.optional(DurationSetting, "5 seconds", "Time limit for rendering a prompt.")
    }),
  {
    description: "Prompt templates.",
    env: { MANIFOLD_TEMPLATES_DIR: { path: ["dir"], kind: "path" } }
  }
)

export type Settings = (typeof section)["schema"]["Type"]
