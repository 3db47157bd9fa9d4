/** The section `content`: the output folder, themes, and limits of generated decks. */
import { Schema } from "effect"
import { DurationSetting } from "../config/Durations.ts"
import * as Section from "../config/Section.ts"

export const section = Section.deferred(
  "content",
  () =>
    Schema.Struct({
      output_dir: Section.optional(
        Schema.NonEmptyString,
        "output",
        "Folder of what is made, one folder for each client in it; a relative one is inside `storage.dir`."
      ),
      theme: Section.optional(
        Schema.NonEmptyString,
        "light",
        "How decks look: `light`, `dark`, or a file of `themes_dir`."
      ),
      themes_dir: Schema.optionalKey(
        Schema.NonEmptyString.annotate({
          description: "Folder of your own themes: `<name>.yaml` or `<name>.json`, with a logo beside it."
        })
      ),
      max_slides: Section.optional(
        Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 })),
        60,
        "Most slides of a deck."
      ),
      max_images: Section.optional(
        Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 })),
        20,
        "Most pictures of a deck."
      ),
      max_image_bytes: Section.optional(
        Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 * 1024 * 1024 })),
        5 * 1024 * 1024,
        "Largest picture, in bytes."
      ),
      time_limit: Section.optional(DurationSetting, "30 seconds", "How long one deck may take to be made.")
    }),
  { description: "Decks: where they are kept, how they look, and how large they may be." }
)

export type Settings = (typeof section)["schema"]["Type"]
