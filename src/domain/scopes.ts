/** Names of scopes: of the program (`read`), of OAuth clients (`mcp:read`), and of one tool (`call:math.add`). */
import { Schema } from "effect"

/** Name of a permission: `read` lists and reads, `call` runs tools and prompts, `admin` administers. */
export const Scope = Schema.NonEmptyString.annotate({ identifier: "Scope" })
export type Scope = typeof Scope.Type

/** Built-in scopes; entries of a library may require others. */
export const everyScope: ReadonlyArray<Scope> = ["read", "call", "admin"]

const prefix = "mcp:"
const builtIn = /^(?:read|call|admin)(?::|$)/

/** `mcp:read` is `read`; scopes of a library's entries keep their names. */
export const fromOAuth = (scope: string): Scope =>
  scope.startsWith(prefix) && builtIn.test(scope.slice(prefix.length)) ? scope.slice(prefix.length) : scope

/** The name by which OAuth clients request the scope. */
export const toOAuth = (scope: Scope): string => (builtIn.test(scope) ? prefix + scope : scope)

/** Whether the name in `scope`, after the colon, is the tool's, or a prefix of it that ends with `*`. */
const names = (pattern: string, tool: string): boolean =>
  pattern.endsWith("*") ? tool.startsWith(pattern.slice(0, -1)) : pattern === tool

/**
 * Whether the granted scopes contain the required one. `tool`: the name of the tool that requires it: `call:math.add` and
 * `call:math.*` contain `call` for that tool.
 */
export const contains = (granted: ReadonlyArray<Scope>, required: Scope, tool?: string): boolean => {
  if (granted.includes(required)) return true
  if (tool === undefined) return false
  const narrow = `${required}:`
  return granted.some((scope) => scope.startsWith(narrow) && names(scope.slice(narrow.length), tool))
}

/** Whether a principal with the granted scopes has everything that `scope` grants, also if that is of one tool. */
export const covers = (granted: ReadonlyArray<Scope>, scope: Scope): boolean => {
  const base = everyScope.find((each) => scope.startsWith(`${each}:`))
  return base === undefined ? granted.includes(scope) : contains(granted, base, scope.slice(base.length + 1))
}
