/** The section `web`: reading web pages. */
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
      "Characters of a page to show; default of `max_chars` in calls."
    ),
    max_elements: Section.optional(
      Schema.Int.check(Schema.isBetween({ minimum: 1000, maximum: 1_000_000 })),
      200_000,
      "Maximum elements and texts of a page, which limits the memory per page: about 50 MB by default."
    ),
    extract_timeout: Section.optional(DurationSetting, "5 seconds", "Time limit for parsing one page."),
    concurrency: Section.optional(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 })),
      2,
      "Concurrency limit for parsing pages, each in a thread; further pages wait."
    ),
    max_refreshes: Section.optional(
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 })),
      3,
      "Refreshes (`<meta http-equiv=refresh>` or the Refresh header) to follow per call; with 0 they are only noted in the result."
    ),
    robots: Section.optional(
      Schema.Boolean,
      false,
      "Obey robots.txt. Off by default, because pages are fetched on behalf of a user."
    )
  }),
  { description: "Reading web pages (`web.fetch_url`)." }
)

export type Settings = (typeof section)["schema"]["Type"]
