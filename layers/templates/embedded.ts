/** The built-in templates, embedded in the binary: one line each. */
import base from "../../templates/prompts/base.sqrl" with { type: "text" }
import contentCreate from "../../templates/prompts/content_create.sqrl" with { type: "text" }
import macros from "../../templates/prompts/macros.sqrl" with { type: "text" }
import forms from "../../templates/prompts/partials/forms.sqrl" with { type: "text" }
import voice from "../../templates/prompts/partials/voice.sqrl" with { type: "text" }
import summarize from "../../templates/prompts/summarize.sqrl" with { type: "text" }
import type { Source } from "./TemplateSet.ts"

export const embedded: ReadonlyMap<string, Source> = new Map(
  Object.entries({
    base,
    content_create: contentCreate,
    macros,
    "partials/forms": forms,
    "partials/voice": voice,
    summarize
  }).map(([name, text]) => [name, { text }])
)
