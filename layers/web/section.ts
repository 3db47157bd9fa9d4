/** The configuration of reading web pages. */
import { Schema } from "effect"
import { DurationSetting } from "../config/Durations.ts"
import * as Section from "../config/Section.ts"
import { mostCharacters } from "./Page.ts"

const characters = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: mostCharacters }))

export const section = Section.make(
  "web",
  Schema.Struct({
    max_chars: Section.optional(
      characters,
      20_000,
      "Characters of a page that are shown unless asked otherwise."
    ),
    extract_timeout: Section.optional(
      DurationSetting,
      "5 seconds",
      "How long it may take to make a page readable; after that its bare text is shown."
    ),
    robots: Section.optional(
      Schema.Boolean,
      false,
      "Whether robots.txt is asked first. Off, because a person or their assistant asked for this page."
    )
  }),
  { description: "How web pages are read." }
)

export type Settings = (typeof section)["schema"]["Type"]
