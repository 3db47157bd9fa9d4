/** Prompt `content_create`: a piece of content of a given type. */
import { icon, type Prompt } from "./Prompt.ts"
import { audience, contentType, tone, topic } from "./sharedArguments.ts"

export const contentCreate: Prompt = {
  name: "content_create",
  title: "Create content",
  description: "Create a presentation, an article, an email or another piece of content, ready to use.",
  icons: [icon("M4 20l1-5L16 4l4 4L9 19zM13 7l4 4")],
  template: "content_create",
  arguments: {
    content_type: contentType,
    topic: topic("Subject of the content, and anything it must include."),
    audience,
    tone: { ...tone, initial: "professional" }
  },
  examples: [
    "presentation",
    "blog post",
    "email",
    "social media post",
    "report",
    "press release",
    "landing page",
    "video script",
    "haiku"
  ].map((content_type) => ({ content_type, topic: "AI strategy" }))
}
