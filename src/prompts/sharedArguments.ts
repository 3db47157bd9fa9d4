/** Arguments that several prompts share, with their completion values. */
import { text, type Argument } from "./Prompt.ts"

/** Maximum lengths in characters. A topic may be a whole text. */
const maxLength = { topic: 50_000, phrase: 500 }

export const topic = (description: string): Argument => text(description, maxLength.topic, { required: true })

export const tone = text("Tone of the text.", maxLength.phrase, {
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

export const audience = text("Audience of the text.", maxLength.phrase, {
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

export const style = text("Writing style.", maxLength.phrase, {
  initial: "professional",
  offers: ["professional", "plain", "academic", "journalistic", "technical", "conversational", "narrative"]
})

export const language = text(
  "Language of the text: a code such as en or pt-BR, or a name. Default: the language of the topic.",
  maxLength.phrase,
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

/** Type of content. */
export const contentType = text("Type of content to create.", maxLength.phrase, {
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
