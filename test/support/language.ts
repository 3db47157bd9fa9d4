/** Language check of the gate: finds words in comments, messages, test names and Markdown that have a standard term. */

interface Rule {
  readonly pattern: RegExp
  /** What to write instead. */
  readonly instead: string
}

/** Words with a standard term; see `docs/decisions.md` and the house rules in `CONTRIBUTING.md`. */
export const rules: ReadonlyArray<Rule> = [
  {
    pattern: /\b(?:no|some|every|any)body\b/i,
    instead: "the role: caller, client, principal, user, operator"
  },
  { pattern: /\b(?:told|tells?)\b(?! apart)/i, instead: "report, notify, show, describe" },
  { pattern: /\b(?:stands|stood)\b/i, instead: "is, comes first, represents" },
  { pattern: /\bof (?:its|their|one's|our|his) own\b/i, instead: "its own X, separate, custom" },
  { pattern: /\bgiven again\b|\bkept results?\b/i, instead: "cached, served from the cache" },
  { pattern: /\bturn(?:s|ed)? away\b/i, instead: "rejected" },
  { pattern: /\bleft alone\b/i, instead: "unchanged; of a circuit breaker: open" },
  { pattern: /\bpatience\b/i, instead: "queue time-out, time limit" },
  { pattern: /\bpassing reasons?\b/i, instead: "transient error" },
  { pattern: /\bremarks?\b/i, instead: "note, warning" },
  { pattern: /\bstrangers?\b/i, instead: "unauthenticated caller" },
  { pattern: /\bwhoever\b/i, instead: "the role: caller, client, principal" },
  { pattern: /\bfor ever\b/i, instead: "until it is interrupted, without limit" },
  {
    pattern: /(?<!there )\b(?:is|are) (?:none|no (?:file|folder|error|failure|text|JSON|list|number))\b/i,
    instead: "is not a X"
  },
  { pattern: /\b(?:is|are|was|were) away\b/i, instead: "is unreachable" },
  { pattern: /\banew\b/i, instead: "again" },
  {
    pattern: /^(?:What|Why|Where|How|Who|Whether|That)\b[^?]*$/,
    instead: "a noun phrase, or a verb in the third person"
  }
]

export interface Sentence {
  readonly line: number
  readonly text: string
  /** Only headers are checked for how they begin. */
  readonly kind: "header" | "comment" | "string" | "test name" | "prose"
}

const lineAt = (text: string, index: number) => text.slice(0, index).split("\n").length

/** Comments, and strings that contain a space. Escapes and template expressions are kept as written. */
const tokens = /\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[^]|[^`\\])*`/g
const testName = /\b(?:it(?:\.\w+)*|test(?:\.\w+)*(?:\([^()]*\))?|describe\w*)\(\s*$/

/** Inline code keeps its length in lines, but is not checked. */
const withoutCode = (text: string) => text.replaceAll(/`[^`\n]*`/g, "`…`")

/** The checked texts of a TypeScript file. In tests, strings are checked only where they name a test. */
export const sentencesOf = (source: string, isTest: boolean): ReadonlyArray<Sentence> => {
  const found: Array<Sentence> = []
  for (const { 0: token, index } of source.matchAll(tokens)) {
    const line = lineAt(source, index)
    if (token.startsWith("/")) {
      const text = token.replaceAll(/^\/\*+\s*|^\/\/\s*|\s*\*\/$|^ *\* ?/gm, "")
      found.push({
        line,
        text: withoutCode(text),
        kind: /^(?:#![^\n]*\n)?$/.test(source.slice(0, index)) ? "header" : "comment"
      })
      continue
    }
    const text = token.startsWith("`") ? token.slice(1, -1) : withoutCode(token.slice(1, -1))
    if (!text.includes(" ")) continue
    const isName = isTest && testName.test(source.slice(Math.max(0, index - 60), index))
    if (isName) found.push({ line, text, kind: "test name" })
    else if (!isTest) found.push({ line, text, kind: "string" })
  }
  return found
}

/** The prose of a Markdown page: without code blocks and inline code. */
export const proseOf = (page: string): ReadonlyArray<Sentence> =>
  withoutCode(page.replaceAll(/^( *)```[^]*?^\1```/gm, (block) => block.replaceAll(/[^\n]/g, "")))
    .split("\n")
    .map((text, index): Sentence => ({ line: index + 1, text, kind: "prose" }))

export interface Finding {
  readonly file: string
  readonly line: number
  readonly word: string
  readonly instead: string
}

export const check = (file: string, text: string): ReadonlyArray<Finding> => {
  const sentences = file.endsWith(".md") ? proseOf(text) : sentencesOf(text, file.startsWith("test/"))
  return sentences.flatMap((sentence) =>
    rules.flatMap(({ instead, pattern }) => {
      if (pattern.source.startsWith("^") && sentence.kind !== "header") return []
      const match = pattern.exec(sentence.text)
      if (match === null) return []
      const line = sentence.line + lineAt(sentence.text, match.index) - 1
      return [{ file, line, word: match[0].slice(0, 40), instead }]
    })
  )
}

export interface Allowed {
  /** A file, or a folder that ends with `/`. */
  readonly path: string
  /** The only allowed word; all words by default. */
  readonly word?: string
  readonly reason: string
}

export const isAllowed = ({ file, word }: Finding, { path, word: only }: Allowed): boolean =>
  (path.endsWith("/") ? file.startsWith(path) : file === path) &&
  (only === undefined || only.toLowerCase() === word.toLowerCase())
