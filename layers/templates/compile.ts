/** Compiles one template with Squirrelly into an async function that tracks the current line. */
import type * as Squirrelly from "squirrelly"
import { unknownName, type Compiled, type Vocabulary } from "./Rendering.ts"
import { lastLine, prepare } from "./prepareSource.ts"
import { Fault } from "./TemplateError.ts"

/** A node of the compiler's AST. Squirrelly's own types are incomplete. */
interface Node {
  /** `e` code, `i` interpolated value, `h` helper with content, `s` self-closing helper. */
  readonly t: "e" | "i" | "h" | "s"
  readonly n?: string
  readonly p?: string
  /** Names after `=>`. */
  readonly res?: string
  c?: string
  f: Array<[name: string, args: string, async?: boolean]>
  /** Whether the call is awaited. */
  a?: boolean
  readonly d?: ReadonlyArray<Node | string>
  readonly b?: ReadonlyArray<Node>
}

/** Helpers that the compiler implements; all others are in `helpers.ts`. */
const native = ["if", "try"]
const literal = /^\s*(?:"([^"]*)"|'([^']*)')/

/** AST visitor: checks names of helpers and filters, and makes every call awaited. */
const walker = (name: string, codes: ReadonlyArray<string>, { filters, helpers }: Vocabulary) => {
  const blocks = new Set<string>()
  let extending = false
  let line: number | undefined
  const reject = (detail: string): never => {
    throw new Fault("syntax", name, line, detail)
  }
  const known = (kind: string, called: string, all: ReadonlyArray<string>) => {
    if (!all.includes(called)) reject(unknownName(kind, called, all))
  }

  const value = (node: Node) => {
    let code = `c.have(await (${node.c ?? ""}\n),${JSON.stringify(node.c ?? "")})`
    for (const [filter, args] of node.f) {
      if (!Object.hasOwn(filters, filter)) {
        const hint = /^\w+$/.test(filter) ? "" : "; write a || b in parentheses"
        reject(unknownName("filter", filter, Object.keys(filters)) + hint)
      }
      code = `await c.filter(${JSON.stringify(filter)})(${code}${args === "" ? "" : `,${args}`})`
    }
    node.c = `c.show(${code})`
    node.f = []
  }

  const visit = (node: Node | string): void => {
    if (typeof node === "string") return
    if (node.t === "e") {
      line = lastLine(node.c ?? "") ?? line
      node.c = codes[Number(node.c)] ?? node.c ?? ""
    }
    if (node.t === "i" && node.res !== undefined) {
      reject("an arrow function is not supported here; define it in a separate tag {{! … }}")
    }
    if (node.t === "i") value(node)
    if (node.t === "h" || node.t === "s") {
      known("helper", node.n ?? "", [...Object.keys(helpers), ...native])
      const called = literal.exec(node.p ?? "")
      if (node.n === "extends") extending = true
      if (node.n === "block")
        blocks.add(called?.[1] ?? called?.[2] ?? reject("the name of a block must be a string literal"))
      for (const filter of node.f) {
        known("filter", filter[0], Object.keys(filters))
        filter[2] = true
      }
    }
    node.a = true
    node.d?.forEach(visit)
    for (const part of node.b ?? []) {
      part.a = true
      part.d?.forEach(visit)
    }
  }
  return { visit, blocks, isExtending: () => extending }
}

const AsyncFunction = (async () => {}).constructor as new (...parts: ReadonlyArray<string>) => Compiled["run"]

/** Converts a parser error. Its message contains the line, then the text with our markers, which is cut off. */
const parserFault = (name: string, error: Error, unclosed: number | undefined): Fault => {
  const match = /^(.*?) at line (\d+) col \d+:/.exec(error.message)
  const [first = ""] = error.message.split("\n")
  return new Fault("syntax", name, match === null ? unclosed : Number(match[2]), match?.[1] ?? first)
}

/** Converts a JavaScript syntax error. The function's head takes the first three lines. */
const scriptFault = (name: string, error: Error, code: string): Fault => {
  const found = /<parse> \(:(\d+)\)/.exec(error.stack ?? "")
  const lines = code.split("\n")
  const until = found === null ? lines.length : Number(found[1]) - 3
  return new Fault("syntax", name, lastLine(lines.slice(0, Math.max(1, until)).join("\n")), error.message)
}

/** Throws a `Fault` with the line of the error. */
export const compile = (
  squirrelly: typeof Squirrelly,
  name: string,
  text: string,
  vocabulary: Vocabulary
): Compiled => {
  const prepared = prepare(name, text)
  const walk = walker(name, prepared.codes, vocabulary)
  const processAST = (nodes: Array<Node | string>) => {
    nodes.forEach(walk.visit)
    return nodes
  }
  const natives = {
    get: (helper: string) => (native.includes(helper) ? squirrelly.nativeHelpers.get(helper) : undefined)
  }
  const options = {
    async: true,
    autoEscape: false,
    autoTrim: false as const,
    plugins: [{ processAST }],
    // Squirrelly's default storage is shared by the whole process. The compiler reads only this part of it; the cast is
    // needed because its class has private members.
    storage: { nativeHelpers: natives } as unknown as (typeof Squirrelly)["defaultConfig"]["storage"]
  }
  let code: string
  try {
    code = squirrelly.compileToString(prepared.text, squirrelly.getConfig(options))
  } catch (error) {
    throw error instanceof Fault ? error : parserFault(name, error as Error, prepared.unclosed)
  }
  try {
    const run = new AsyncFunction("it", "c", "cb", `"use strict";${code}`)
    return { name, blocks: walk.blocks, extends: walk.isExtending(), run }
  } catch (error) {
    throw scriptFault(name, error as Error, code)
  }
}
