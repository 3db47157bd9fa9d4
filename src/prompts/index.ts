/** The list of prompts: a prompt is one file, and one line here. */
import { contentCreate } from "./contentCreate.ts"
import type { Prompt } from "./Prompt.ts"
import { summarize } from "./summarize.ts"

export const prompts: ReadonlyArray<Prompt> = [
  contentCreate, // keep one line each
  summarize
]
