/** Config section `content`: the output folder, themes, and limits of generated decks. */
import { Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import { PathSetting, RelativePathSetting } from "../config/pathSettings.ts"
import * as Section from "../config/Section.ts"

const outputFolder = "Output folder, with one folder per client; a relative path is inside `storage.dir`."

export const section = Section.deferred(
  "content",
  () =>
    Schema.Struct({
      output_dir: Section.optional(RelativePathSetting(outputFolder), "output", outputFolder),
      shared: Section.optional(
        Schema.Boolean,
        false,
        "Share one output folder between all principals. By default each API token can list and read its own files only."
      ),
      theme: Section.optional(
        Schema.NonEmptyString,
        "light",
        "Theme of decks: `light`, `dark`, or the name of a file in `themes_dir`."
      ),
      themes_dir: Schema.optionalKey(
        PathSetting(
          "Folder with your own themes: `<name>.yaml` or `<name>.json`, with a logo file next to it."
        )
      ),
      max_slides: Section.optional(
        Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 })),
        60,
        "Maximum number of slides per deck."
      ),
      max_images: Section.optional(
        Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 })),
        20,
        "Maximum number of pictures per deck."
      ),
      max_image_bytes: Section.optional(
        Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 * 1024 * 1024 })),
        5 * 1024 * 1024,
        "Maximum size of a picture, in bytes."
      ),
      time_limit: Section.optional(DurationSetting, "30 seconds", "Time limit for making one deck.")
    }),
  { description: "Decks: output folder, theme and limits." }
)

export type Settings = (typeof section)["schema"]["Type"]
