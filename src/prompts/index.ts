/** The list of prompts: one file per prompt, one line per prompt here. */
import { contentCreate } from "./contentCreate.ts"
import type { Prompt } from "./Prompt.ts"
import { summarize } from "./summarize.ts"

export const prompts: ReadonlyArray<Prompt> = [
  contentCreate, // keep one line each
  summarize
]
