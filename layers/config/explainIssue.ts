/** Turns a schema issue into user-readable problems, without repeating possible secrets. */
import { Predicate, SchemaAST, SchemaIssue } from "effect"
import type { Path } from "./ConfigInvalid.ts"
import type { Section } from "./Section.ts"
import { suggestName } from "./suggestName.ts"

export interface Explained {
  readonly path: Path
  /** Whether the key or its value is wrong. */
  readonly part: "key" | "value"
  readonly message: string
}

/** Annotation of schemas whose input is never shown. */
export const hidden = "manifold/hidden"

/** Longest text that is repeated. Longer text may be a misplaced secret. */
const mostShown = 24

const annotation = (ast: SchemaAST.AST, key: string): unknown => ast.annotations?.[key]

const phrases: Partial<Record<SchemaAST.AST["_tag"], string>> = {
  String: "a string",
  Number: "a number",
  Boolean: "true or false",
  Null: "null",
  Arrays: "a list",
  Objects: "a map"
}

const checked = (ast: SchemaAST.AST): ReadonlyArray<string> =>
  (ast.checks ?? []).map((check) => check.annotations?.["expected"]).filter(Predicate.isString)

/** Such as `an integer between 0 and 65535`: the phrase of the type or of its most specific check, then the conditions. */
const expected = (ast: SchemaAST.AST): string => {
  const named = annotation(ast, "expected")
  if (typeof named === "string") return named
  if (ast._tag === "Union")
    return [...new Set(ast.types.map((member) => expected(encoded(member))))].join(" or ")
  if (ast._tag === "Literal") return JSON.stringify(ast.literal)
  const conditions = checked(ast)
  const whole = conditions.findLast((condition) => !condition.startsWith("a value "))
  const rest = conditions.filter((condition) => condition.startsWith("a value "))
  const base = whole ?? phrases[ast._tag] ?? "another value"
  return [base, rest.map((condition) => condition.slice("a value ".length)).join(" and ")].join(" ").trim()
}

const encoded = (ast: SchemaAST.AST): SchemaAST.AST => SchemaAST.toEncoded(ast)

const isHidden = (ast: SchemaAST.AST): boolean =>
  annotation(ast, hidden) === true ||
  (ast._tag === "Union" && ast.types.some((member) => isHidden(encoded(member))))

const show = (input: unknown): string => {
  if (typeof input === "string") {
    return input.length > mostShown ? `a string of ${input.length} characters` : JSON.stringify(input)
  }
  if (Array.isArray(input)) return "a list"
  return Predicate.isObject(input) ? "a map" : String(input)
}

const got = (issue: SchemaIssue.Issue, ast: SchemaAST.AST | undefined): string => {
  if (!SchemaIssue.hasInput(issue) || (ast !== undefined && isHidden(ast))) return ""
  // Text in place of a list or map may be a misplaced secret: only its type is shown.
  const compound = ast?._tag === "Arrays" || ast?._tag === "Objects"
  return `, got ${compound && typeof issue.input === "string" ? "a string" : show(issue.input)}`
}

/** The message for an unknown key or section. */
export const unknownKey = (key: string, known: ReadonlyArray<string>): string => {
  const nearest = suggestName(key, known)
  if (nearest !== undefined) return `unknown key; did you mean "${nearest}"?`
  return known.length === 0
    ? "unknown key; no keys are allowed here"
    : `unknown key; known keys: ${known.join(", ")}`
}

/** The custom message of the issue or of the check that raised it. */
const authored = (issue: SchemaIssue.Issue): string | undefined => {
  const found =
    issue._tag === "Filter"
      ? (issue.filter.annotations?.["message"] ?? authored(issue.issue))
      : issue._tag === "InvalidValue"
        ? issue.annotations?.["message"]
        : undefined
  return typeof found === "string" ? found : undefined
}

/** The problems of the union member that matched deepest. */
const deepest = (found: ReadonlyArray<ReadonlyArray<Explained>>): ReadonlyArray<Explained> => {
  const depth = (problems: ReadonlyArray<Explained>) => Math.max(...problems.map(({ path }) => path.length))
  return found.reduce((best, next) => (depth(next) > depth(best) ? next : best))
}

const walk = (issue: SchemaIssue.Issue, path: Path, ast?: SchemaAST.AST): ReadonlyArray<Explained> => {
  const value = (message: string): ReadonlyArray<Explained> => [{ path, part: "value", message }]
  switch (issue._tag) {
    case "Pointer":
      return walk(issue.issue, [...path, ...issue.path])
    case "Encoding":
      return walk(issue.issue, path, ast)
    case "Filter": {
      if (issue.issue._tag === "Pointer" || issue.issue._tag === "Composite")
        return walk(issue.issue, path, ast)
      const message = authored(issue)
      if (message !== undefined) return value(message)
      return value(`expected ${ast === undefined ? "another value" : expected(ast)}${got(issue, ast)}`)
    }
    case "Composite": {
      const found = issue.issues.flatMap((inner) => walk(inner, path, issue.ast))
      // Several failed checks of one value have the same message.
      return found.filter((one, index) => found.findIndex((other) => isSame(one, other)) === index)
    }
    case "AnyOf":
      if (issue.issues.length > 0) return deepest(issue.issues.map((inner) => walk(inner, path)))
      return value(`expected ${expected(issue.ast)}${got(issue, issue.ast)}`)
    case "MissingKey":
      return value("required, but missing")
    case "UnexpectedKey": {
      const known =
        issue.ast._tag === "Objects" ? issue.ast.propertySignatures.map(({ name }) => String(name)) : []
      return [{ path, part: "key", message: unknownKey(String(path.at(-1)), known) }]
    }
    case "InvalidType":
    case "OneOf":
      return value(`expected ${expected(issue.ast)}${got(issue, issue.ast)}`)
    case "InvalidValue": {
      const phrase = issue.annotations?.["expected"]
      return value(
        authored(issue) ??
          `expected ${typeof phrase === "string" ? phrase : "another value"}${got(issue, ast)}`
      )
    }
    case "Forbidden":
      return value("not allowed here")
  }
}

const isSame = (a: Explained, b: Explained): boolean =>
  a.message === b.message &&
  a.path.length === b.path.length &&
  a.path.every((key, index) => key === b.path[index])

/** The problems of a section's issue; paths begin at the section's name. `renamed` is the section's, old path → new path. */
export const explainIssue = (
  issue: SchemaIssue.Issue,
  section: string,
  renamed: Section<unknown>["renamed"] = {}
): ReadonlyArray<Explained> =>
  walk(issue, [section]).map((found) => {
    const key = found.path.slice(1).join(".")
    if (found.part !== "key" || !Object.hasOwn(renamed, key)) return found
    return { ...found, message: `renamed; write ${section}.${renamed[key]} instead` }
  })
