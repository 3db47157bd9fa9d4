/** Whether every template can be compiled, and rendered with the examples that there are for it. */
import { Effect } from "effect"
import type { Variables } from "./Rendering.ts"
import type { TemplateError } from "./TemplateError.ts"
import type { TemplateSet } from "./TemplateSet.ts"

/** What a template is rendered with to see whether it can be. */
export interface Example {
  readonly template: string
  readonly variables: Variables
}

export interface Report {
  /** Whether nothing has a problem. */
  readonly ok: boolean
  readonly templates: ReadonlyArray<{
    readonly name: string
    /** The operator's file; `null` for one that came with the program. */
    readonly file: string | null
    /** How many examples it was rendered with. */
    readonly rendered: number
    /** With file and line. */
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

/** An example of a template that there is not is a problem as well. */
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
