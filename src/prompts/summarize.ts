/** Prompt `summarize`: a topic in a few bullet points. */
import { count, icon, type Prompt } from "./Prompt.ts"
import { audience, language, style, tone, topic } from "./sharedArguments.ts"

const bullets = { minimum: 1, maximum: 30 }

export const summarize: Prompt = {
  name: "summarize",
  title: "Summarize a topic",
  description: "Summarize a topic in bullet points, for a given audience, in a given tone and language.",
  icons: [icon("M4 6h16M4 12h10M4 18h6")],
  template: "summarize",
  arguments: {
    topic: topic("Topic to summarize: a subject, a question, or the text itself."),
    tone,
    audience,
    bullets_min: count("Minimum number of bullet points.", bullets, { initial: 4 }),
    bullets_max: count("Maximum number of bullet points.", bullets, { initial: 6 }),
    style,
    language
  },
  together: ({ bullets_max = 0, bullets_min = 0 }) =>
    bullets_min > bullets_max
      ? {
          path: "bullets_min",
          message: `must be at most bullets_max (${bullets_max}), got ${bullets_min}; set both`
        }
      : undefined,
  examples: [
    { topic: "Large Language Models" },
    {
      topic: "Ocean currents\nand the climate",
      bullets_min: 5,
      bullets_max: 5,
      style: "academic",
      language: "de"
    }
  ]
}
