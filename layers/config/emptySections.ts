/** Reads an empty inner section (`sessions:` with every key commented out) as an empty map or list. */
import { Predicate, SchemaAST } from "effect"

const hasNull = (value: unknown): boolean => {
  if (value === null) return true
  if (Array.isArray(value)) return value.some(hasNull)
  return Predicate.isObject(value) && Object.values(value).some(hasNull)
}

const memberThat = (ast: SchemaAST.AST, tag: "Arrays" | "Objects"): SchemaAST.AST | undefined => {
  if (ast._tag === tag) return ast
  if (ast._tag === "Union") {
    for (const member of ast.types) {
      const found = memberThat(SchemaAST.toEncoded(member), tag)
      if (found !== undefined) return found
    }
  }
  return undefined
}

const acceptsNull = (ast: SchemaAST.AST): boolean =>
  ast._tag === "Null" || (ast._tag === "Union" && ast.types.some((member) => acceptsNull(member)))

const fill = (value: unknown, ast: SchemaAST.AST): unknown => {
  const map = memberThat(ast, "Objects")
  const list = memberThat(ast, "Arrays")
  if (value === null) {
    if (acceptsNull(ast)) return value
    if (map !== undefined) return {}
    return list === undefined ? value : []
  }
  if (Array.isArray(value) && list?._tag === "Arrays") {
    return value.map((item: unknown, index) => {
      const inner = list.elements[index] ?? list.rest[0]
      return inner === undefined ? item : fill(item, inner)
    })
  }
  if (Predicate.isObject(value) && !Array.isArray(value) && map?._tag === "Objects") {
    const entries = Object.entries(value).map(([key, item]: [string, unknown]) => {
      const inner =
        map.propertySignatures.find(({ name }) => name === key)?.type ?? map.indexSignatures[0]?.type
      return [key, inner === undefined ? item : fill(item, inner)] as const
    })
    return Object.fromEntries(entries)
  }
  return value
}

/**
 * Replaces `null` by `{}` or `[]` where the schema expects a map or a list: YAML reads a key with only comments below it
 * as `null`. A scalar without a value stays a problem.
 */
export const fillEmpty = (value: unknown, ast: SchemaAST.AST): unknown =>
  hasNull(value) ? fill(value, SchemaAST.toEncoded(ast)) : value
