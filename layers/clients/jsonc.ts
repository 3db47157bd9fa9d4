/** Edits single values in a JSON or JSONC text and preserves all other characters, comments included. */
import type { Node } from "jsonc-parser"
import { position } from "../config/ConfigText.ts"

export type Path = readonly [string, ...ReadonlyArray<string>]

export interface Fault {
  /** `line:column`, from 1. */
  readonly at: string
  readonly message: string
}

const words: Readonly<Record<string, string>> = {
  InvalidCommentToken: "comments are not allowed in JSON",
  PropertyNameExpected: "expected a key in double quotes",
  ValueExpected: "expected a value",
  ColonExpected: 'expected ":"',
  CommaExpected: 'expected ","',
  CloseBraceExpected: 'expected "}"',
  CloseBracketExpected: 'expected "]"',
  EndOfFileExpected: "expected end of file",
  InvalidSymbol: "unknown word; text must be in double quotes",
  InvalidNumberFormat: "not a number",
  UnexpectedEndOfComment: "unterminated comment",
  UnexpectedEndOfString: "unterminated string",
  UnexpectedEndOfNumber: "unterminated number",
  InvalidUnicode: "invalid \\u escape",
  InvalidEscapeCharacter: "unknown escape sequence",
  InvalidCharacter: "control character in a string"
}

/** Loads the parser lazily. */
export const load = () => import("jsonc-parser").then((library) => make(library))

export type Jsonc = ReturnType<typeof make>

const make = ({
  getNodeValue,
  parseTree,
  printParseErrorCode
}: Pick<typeof import("jsonc-parser"), "getNodeValue" | "parseTree" | "printParseErrorCode">) => {
  const lenient = { allowTrailingComma: true, disallowComments: false, allowEmptyContent: true }

  const tree = (text: string) => parseTree(text, [], lenient)

  /** The first syntax error. A text without a value counts as an empty object. */
  const fault = (text: string, comments: boolean): Fault | undefined => {
    const errors: Parameters<typeof parseTree>[1] = []
    try {
      parseTree(text, errors, { ...lenient, allowTrailingComma: comments, disallowComments: !comments })
    } catch {
      // The parser is recursive: stack overflow.
      return { at: position(text, 0), message: "nested too deeply" }
    }
    const [first] = errors
    if (first === undefined) return undefined
    const code = printParseErrorCode(first.error)
    return { at: position(text, first.offset), message: words[code] ?? "unexpected text" }
  }

  const property = (node: Node | undefined, key: string) =>
    node?.type === "object"
      ? (node.children ?? []).filter(({ children }) => children?.[0]?.value === key)
      : []

  const find = (text: string, path: ReadonlyArray<string>): Node | undefined =>
    path.reduce<Node | undefined>((node, key) => property(node, key)[0]?.children?.[1], tree(text))

  /** The value at the path, or `undefined`. */
  const get = (text: string, path: ReadonlyArray<string>): unknown => {
    const node = find(text, path)
    return node === undefined ? undefined : getNodeValue(node)
  }

  /** The first duplicate key on the path: parsers differ in which of the two they use. */
  const duplicate = (text: string, path: ReadonlyArray<string>): Fault | undefined => {
    for (const [index, key] of path.entries()) {
      const [, second] = property(find(text, path.slice(0, index)), key)
      if (second) return { at: position(text, second.offset), message: `duplicate key "${key}"` }
    }
    return undefined
  }

  /** Sets the value at the path; creates missing objects. */
  const put = (text: string, path: Path, value: unknown): string => {
    const root = tree(text)
    const eol = /\r?\n/.exec(text)?.[0] ?? "\n"
    if (root === undefined) {
      const before = text.trim() === "" ? "" : `${text.trimEnd()}${eol}`
      return `${before}${JSON.stringify(nest(path, value), null, 2).replaceAll("\n", eol)}${eol}`
    }
    const style = { text, eol, ...styleOf(text, root) }
    let node = root
    for (const [index, key] of path.entries()) {
      const inner = property(node, key)[0]?.children?.[1]
      if (inner === undefined) return insert(style, node, key, nest(path.slice(index + 1), value))
      node = inner
    }
    const shown = render(style, value, indentAt(text, node.offset), !style.compact)
    return splice(text, [[node.offset, node.offset + node.length, shown]])
  }

  /** Removes the last key of the path, its value and its comma. */
  const remove = (text: string, path: Path): string => {
    const object = find(text, path.slice(0, -1))
    const member = property(object, path.at(-1) ?? "")[0]
    return object === undefined || member === undefined ? text : drop(text, object, member)
  }

  return { fault, duplicate, get, put, remove }
}

interface Style {
  readonly text: string
  readonly eol: string
  /** One level of indentation. */
  readonly unit: string
  /** Whether the text is all on one line. */
  readonly compact: boolean
}

const endOf = (node: Node) => node.offset + node.length

const nest = (path: ReadonlyArray<string>, value: unknown): unknown =>
  path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)

/** Replaces non-overlapping ranges; insertions at one offset keep their order. */
const splice = (text: string, edits: ReadonlyArray<readonly [from: number, to: number, by: string]>) =>
  edits
    .toReversed()
    .toSorted(([a], [b]) => b - a)
    .reduce((left, [from, to, by]) => left.slice(0, from) + by + left.slice(to), text)

const indentAt = (text: string, offset: number) => {
  const line = Math.max(text.lastIndexOf("\n", offset - 1), text.lastIndexOf("\r", offset - 1)) + 1
  return /^[ \t]*/.exec(text.slice(line, offset))?.[0] ?? ""
}

/** Whether the members of an object are on separate lines. */
const isOpen = (text: string, object: Node) =>
  text.slice(object.offset, object.children?.[0]?.offset ?? endOf(object)).includes("\n")

const styleOf = (text: string, root: Node) => {
  const first = root.children?.[0]
  const open = isOpen(text, root)
  const unit = first !== undefined && open ? indentAt(text, first.offset) : ""
  return { unit: unit === "" ? "  " : unit, compact: first !== undefined && !open }
}

const render = ({ eol, unit }: Style, value: unknown, indent: string, open: boolean) =>
  open ? JSON.stringify(value, null, unit).replaceAll("\n", eol + indent) : JSON.stringify(value)

/** Scans between two values: the end of the last comment or comma, and the offset of the comma. */
const between = (text: string, from: number, to: number) => {
  const token = /\s+|\/\/[^\r\n]*|\/\*[^]*?\*\/|,/y
  token.lastIndex = from
  let end = from
  let comma: number | undefined
  let lineComment = false
  for (let at = from; at < to; at = token.lastIndex) {
    const found = token.exec(text)?.[0]
    if (found === undefined) break
    if (found.trim() === "") continue
    if (found === ",") comma = at
    lineComment = found.startsWith("//")
    end = at + found.length
  }
  return { end, comma, lineComment }
}

const insert = (style: Style, object: Node, key: string, value: unknown): string => {
  const { eol, text, unit } = style
  const members = object.children ?? []
  const last = members.at(-1)
  const from = last === undefined ? object.offset + 1 : endOf(last)
  const close = endOf(object) - 1
  const { comma, end, lineComment } = between(text, from, close)
  const missing = last !== undefined && comma === undefined ? "," : ""
  const open = isOpen(text, object) || lineComment || (last === undefined && !style.compact)
  if (!open) {
    const space = last === undefined ? "" : text.slice(object.offset + 1, members[0]?.offset)
    const gap = space.trim() === "" ? space : " "
    const colon = gap === "" ? ":" : ": "
    return splice(text, [
      [from, from, missing],
      [end, end, `${gap}${JSON.stringify(key)}${colon}${render(style, value, "", false)}`]
    ])
  }
  const outer = indentAt(text, object.offset)
  const indent =
    last !== undefined && isOpen(text, object) ? indentAt(text, members[0]?.offset ?? 0) : outer + unit
  const shown = render(style, value, indent, true)
  const line = `${eol}${indent}${JSON.stringify(key)}: ${shown}${last !== undefined && comma !== undefined ? "," : ""}`
  const after = text.slice(end, close).includes("\n") ? "" : eol + outer
  return splice(text, [
    [from, from, missing],
    [end, end, line + after]
  ])
}

const drop = (text: string, object: Node, member: Node): string => {
  const members = object.children ?? []
  const index = members.indexOf(member)
  const [before, next] = [members[index - 1], members[index + 1]]
  const close = endOf(object) - 1
  const blank = /\s*$/.exec(text.slice(0, member.offset))?.[0] ?? ""
  const open = blank.includes("\n")
  // Removes the line break before it; blank lines before that stay.
  const begin = member.offset - (open ? (/\r?\n[ \t]*$/.exec(blank)?.[0].length ?? 0) : blank.length)
  const { comma } = between(text, endOf(member), next?.offset ?? close)
  if (comma !== undefined) {
    const after = open ? 0 : (/^[ \t]*/.exec(text.slice(comma + 1))?.[0].length ?? 0)
    return splice(text, [[open ? begin : member.offset, comma + 1 + after, ""]])
  }
  if (before === undefined) {
    const rest = text.slice(object.offset + 1, begin) + text.slice(endOf(member), close)
    return rest.trim() === ""
      ? splice(text, [[object.offset + 1, close, ""]])
      : splice(text, [[begin, endOf(member), ""]])
  }
  const separator = between(text, endOf(before), member.offset).comma ?? endOf(before)
  return splice(text, [
    [separator, separator + 1, ""],
    [Math.max(begin, separator + 1), endOf(member), ""]
  ])
}
