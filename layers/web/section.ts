/** The configuration of reading web pages. */
import { Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import * as Section from "../config/Section.ts"
import { mostCharacters } from "./WebPage.ts"

const characters = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: mostCharacters }))

export const section = Section.make(
  "web",
  Schema.Struct({
    max_chars: Section.optional(
      characters,
      20_000,
      "Characters of a page to show unless the call sets `max_chars`."
    ),
    max_elements: Section.optional(
      Schema.Int.check(Schema.isBetween({ minimum: 1000, maximum: 1_000_000 })),
      200_000,
      "Elements and texts of a page to read, which bounds the memory that one page takes: about 50 MB by default."
    ),
    extract_timeout: Section.optional(
      DurationSetting,
      "5 seconds",
      "Time limit for making one page readable."
    ),
    concurrency: Section.optional(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 })),
      2,
      "Pages to make readable at the same time, each in a thread; further pages wait."
    ),
    max_refreshes: Section.optional(
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 })),
      3,
      "Refreshes (`<meta http-equiv=refresh>` or the Refresh header) to follow per call; 0 names them in the result instead."
    ),
    robots: Section.optional(
      Schema.Boolean,
      false,
      "Obey robots.txt. Off by default, because a person or their assistant asked for this page."
    )
  }),
  { description: "Reading web pages (`web.fetch_url`)." }
)

export type Settings = (typeof section)["schema"]["Type"]
