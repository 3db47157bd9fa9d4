/** Checks templates: compiles each one and renders its examples. */
import { Effect } from "effect"
import type { Variables } from "./Rendering.ts"
import type { TemplateError } from "./TemplateError.ts"
import type { TemplateSet } from "./TemplateSet.ts"

/** Variables to render a template with when it is checked. */
export interface Example {
  readonly template: string
  readonly variables: Variables
}

export interface Report {
  /** Whether no template has a problem. */
  readonly ok: boolean
  readonly templates: ReadonlyArray<{
    readonly name: string
    /** The operator's file; `null` for a built-in template. */
    readonly file: string | null
    /** Number of rendered examples. */
    readonly rendered: number
    /** Messages with file and line. */
    readonly problems: ReadonlyArray<string>
  }>
}

type Render = (name: string, variables: Variables) => Effect.Effect<string, TemplateError>

const inspect = Effect.fnUntraced(function* (
  set: TemplateSet,
  examples: ReadonlyArray<Example>,
  render: Render,
  name: string
) {
  const problem = set.problem(name)
  const tried = problem === undefined ? examples.filter(({ template }) => template === name) : []
  const failures = yield* Effect.forEach(tried, ({ variables }) =>
    render(name, variables).pipe(Effect.match({ onFailure: (error) => [error], onSuccess: () => [] }))
  )
  const problems = [...(problem === undefined ? [] : [problem]), ...failures.flat()]
  return {
    name,
    file: set.sources.get(name)?.file ?? null,
    rendered: tried.length,
    problems: [...new Set(problems.map(({ message }) => message))]
  }
})

/** An example of an unknown template is also a problem. */
export const checkTemplates = Effect.fnUntraced(function* (
  set: TemplateSet,
  examples: ReadonlyArray<Example>,
  render: Render
) {
  const names = new Set([...set.sources.keys(), ...examples.map(({ template }) => template)])
  const templates = yield* Effect.forEach([...names].toSorted(), (name) =>
    inspect(set, examples, render, name)
  )
  return { ok: templates.every(({ problems }) => problems.length === 0), templates }
})
