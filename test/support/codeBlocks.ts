/** Fenced code blocks of Markdown pages, and the shell that runs them. */
import { program } from "./program.ts"

export const root = new URL("../../", import.meta.url).pathname

export interface Block {
  readonly language: string
  readonly text: string
  /** The last paragraph before the block. */
  readonly before: string
}

export const blocksOf = (page: string): ReadonlyArray<Block> =>
  [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(({ 1: language = "", 2: text = "", index }) => ({
    language,
    text,
    before: page.slice(0, index).trimEnd().split("\n\n").at(-1) ?? ""
  }))

export const select = (page: ReadonlyArray<Block>, language: string) =>
  page.filter((block) => block.language === language).map(({ text }) => text)

/** The TypeScript files of a page, by the name in their first line: `// server.ts`. */
export const filesOf = (page: ReadonlyArray<Block>): ReadonlyArray<readonly [name: string, text: string]> =>
  select(page, "ts").map((text) => [/^\/\/ (\S+)\n/.exec(text)?.[1] ?? "", text])

/** The shown output as a pattern: `…` matches anything. */
export const pattern = (text: string) =>
  new RegExp(`^${text.trim().split("…").map(RegExp.escape).join("[^]*?")}$`)

/** Runs a block in a shell, and returns its output. */
export const bash = async (script: string, env: Record<string, string>, cwd: string) => {
  const child = Bun.spawn(["bash", "-eu", "-c", script], {
    cwd,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...env }
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited
  ])
  if (code !== 0) throw new Error(`ended with ${code}: ${script}\n${stderr}`)
  return stdout
}

const quoted = program.map((word) => `"${word}"`).join(" ")

/** Runs a block in a shell whose `bun` is the one that runs this file, and whose `manifold` is the program that is tested. */
export const shell = (script: string, env: Record<string, string> = {}, cwd = root) =>
  bash(`bun() { "${process.execPath}" "$@"; }\nmanifold() { ${quoted} "$@"; }\n${script}`, env, cwd)
