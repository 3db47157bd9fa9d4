/** Compiles one template with Squirrelly into a function that waits for what it calls, and knows which line it is at. */
import type * as Squirrelly from "squirrelly"
import { absent, type Compiled, type Vocabulary } from "./Rendering.ts"
import { lastLine, prepare } from "./prepareSource.ts"
import { Fault } from "./TemplateError.ts"

/** A tag as the compiler's parser sees it: text, or what kind of tag (`t`) it is. Its types say less than it does. */
interface Node {
  /** `e` code, `i` a value, `h` a helper with text, `s` one that closes itself. */
  readonly t: "e" | "i" | "h" | "s"
  readonly n?: string
  readonly p?: string
  /** Names after `=>`. */
  readonly res?: string
  c?: string
  f: Array<[name: string, args: string, async?: boolean]>
  /** Whether it is waited for. */
  a?: boolean
  readonly d?: ReadonlyArray<Node | string>
  readonly b?: ReadonlyArray<Node>
}

/** What the compiler turns into statements of its own; all other helpers are ours. */
const native = ["if", "try"]
const literal = /^\s*(?:"([^"]*)"|'([^']*)')/

/** Walks all tags in order, checks their names, and has everything waited for. */
const walker = (name: string, codes: ReadonlyArray<string>, { filters, helpers }: Vocabulary) => {
  const blocks = new Set<string>()
  let extending = false
  let line: number | undefined
  const refuse = (detail: string): never => {
    throw new Fault("syntax", name, line, detail)
  }
  const known = (kind: string, called: string, all: ReadonlyArray<string>) => {
    if (!all.includes(called)) refuse(absent(kind, called, all))
  }

  const value = (node: Node) => {
    let code = `c.have(await (${node.c ?? ""}\n),${JSON.stringify(node.c ?? "")})`
    for (const [filter, args] of node.f) {
      if (!Object.hasOwn(filters, filter)) {
        const hint = /^\w*$/.test(filter) ? "" : "; write a || b in parentheses"
        refuse(absent("filter", filter, Object.keys(filters)) + hint)
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
      refuse("an arrow function is not understood here; make one in a tag of its own, {{! … }}")
    }
    if (node.t === "i") value(node)
    if (node.t === "h" || node.t === "s") {
      known("helper", node.n ?? "", [...Object.keys(helpers), ...native])
      const called = literal.exec(node.p ?? "")
      if (node.n === "extends") extending = true
      if (node.n === "block") blocks.add(called?.[1] ?? called?.[2] ?? refuse("a block has a plain name"))
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

/** The parser says the line in its message, and then shows the text, which has our markers in it. */
const misread = (name: string, error: Error, unclosed: number | undefined): Fault => {
  const said = /^(.*?) at line (\d+) col \d+:/.exec(error.message)
  const [first = ""] = error.message.split("\n")
  return new Fault("syntax", name, said === null ? unclosed : Number(said[2]), said?.[1] ?? first)
}

/** JavaScript's parser counts lines from the head of the function, which takes three. */
const malformed = (name: string, error: Error, code: string): Fault => {
  const found = /<parse> \(:(\d+)\)/.exec(error.stack ?? "")
  const lines = code.split("\n")
  const until = found === null ? lines.length : Number(found[1]) - 3
  return new Fault("syntax", name, lastLine(lines.slice(0, Math.max(1, until)).join("\n")), error.message)
}

/** Throws a `Fault` that says where the text is wrong. */
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
    // Its own storage is shared by the whole process; only this part of it is asked for at this time. Its type
    // has private members, so nothing but the library's own class would fit.
    storage: { nativeHelpers: natives } as unknown as (typeof Squirrelly)["defaultConfig"]["storage"]
  }
  let code: string
  try {
    code = squirrelly.compileToString(prepared.text, squirrelly.getConfig(options))
  } catch (error) {
    throw error instanceof Fault ? error : misread(name, error as Error, prepared.unclosed)
  }
  try {
    const run = new AsyncFunction("it", "c", "cb", `"use strict";${code}`)
    return { name, blocks: walk.blocks, extends: walk.isExtending(), run }
  } catch (error) {
    throw malformed(name, error as Error, code)
  }
}
