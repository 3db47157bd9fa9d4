/** The arguments that several prompts share: what it is about, and how it sounds. */
import { text, type Argument } from "./Prompt.ts"

/** Characters. A topic may be a whole text. */
const most = { topic: 50_000, phrase: 500 }

export const topic = (description: string): Argument => text(description, most.topic, { required: true })

export const tone = text("How it should sound.", most.phrase, {
  initial: "concise",
  offers: [
    "concise",
    "detailed",
    "professional",
    "friendly",
    "formal",
    "neutral",
    "persuasive",
    "enthusiastic",
    "witty"
  ]
})

export const audience = text("Who will read it.", most.phrase, {
  initial: "general",
  offers: [
    "general",
    "executives",
    "customers",
    "engineers",
    "experts",
    "investors",
    "students",
    "children",
    "journalists"
  ]
})

export const style = text("How it should be written.", most.phrase, {
  initial: "professional",
  offers: ["professional", "plain", "academic", "journalistic", "technical", "conversational", "narrative"]
})

export const language = text(
  "The language to write in: a code such as en or pt-BR, or its name. By default the language of the topic.",
  most.phrase,
  {
    offers: [
      "en",
      "ar",
      "cs",
      "da",
      "de",
      "es",
      "fi",
      "fr",
      "he",
      "hi",
      "id",
      "it",
      "ja",
      "ko",
      "nl",
      "no"
    ].concat(["pl", "pt", "pt-BR", "ru", "sv", "tr", "uk", "vi", "zh", "zh-TW"])
  }
)

/** What a piece of content is. */
export const contentType = text("What to create.", most.phrase, {
  required: true,
  offers: [
    "presentation",
    "article",
    "blog post",
    "email",
    "newsletter",
    "social media post",
    "report",
    "case study",
    "press release",
    "landing page",
    "video script",
    "speech"
  ]
})
