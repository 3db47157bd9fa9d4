/** The steps of a page that is followed word by word: what its blocks ask a reader to do, up to the part `## Next`. */
import { blocksOf } from "./codeBlocks.ts"

export type Step =
  | { readonly kind: "command"; readonly script: string; readonly output?: string }
  /** A command that runs until the end; `output` is shown once it is ready. */
  | { readonly kind: "service"; readonly script: string; readonly output: string }
  | { readonly kind: "file"; readonly name: string; readonly text: string }

/** The name of a file in its first line, in a comment of its language. */
const nameOf = (text: string) => /^(?:\/\/|#|<!--) ([\w./-]+\.\w+)/.exec(text)?.[1]

/** Throws if the page has no part `## Next`, or a block that is no step. */
export const stepsOf = (page: string): ReadonlyArray<Step> => {
  const [followed = "", next] = page.split(/^## Next$/m)
  if (next === undefined) throw new Error("there is no part ## Next")
  if (next.includes("```")) throw new Error("blocks in the part ## Next are not followed")
  const blocks = blocksOf(followed)
  if (followed.split("```").length - 1 !== blocks.length * 2) throw new Error("a block has no language")
  return blocks.flatMap(({ before, language, text }, index): ReadonlyArray<Step> => {
    const after = blocks[index + 1]
    const output = after?.language === "text" ? after.text : undefined
    if (language === "sh" && before.includes("leave it running")) {
      if (output === undefined) throw new Error(`no output says that this is ready: ${text}`)
      return [{ kind: "service", script: text, output }]
    }
    if (language === "sh") return [{ kind: "command", script: text, ...(output !== undefined && { output }) }]
    if (language === "text" && blocks[index - 1]?.language === "sh") return []
    const name = nameOf(text)
    if (name === undefined) throw new Error(`neither a command, nor its output, nor a file: ${text}`)
    return [{ kind: "file", name, text }]
  })
}
