/** Completion of prompt arguments and template variables: finds the entry and its completion function. */
import type { Principal } from "../domain/Principal.ts"
import type { Tables } from "./catalogTables.ts"

/** Completion request for a prompt argument or a variable of a resource template. */
export interface Completion {
  readonly target: { readonly prompt: string } | { readonly template: string }
  readonly argument: string
  readonly typed: string
  readonly given: Readonly<Record<string, string>>
}

/** Maximum number of values in one result (MCP, `completion/complete`). */
export const maxCompletions = 100

export const completionOf = (
  { prompts, templates }: Pick<Tables, "prompts" | "templates">,
  principal: Principal,
  { argument, target }: Completion
) => {
  if ("prompt" in target) {
    const prompt = prompts.find(principal, target.prompt)?.entry
    const complete = prompt?.arguments.find(({ name }) => name === argument)?.complete
    return { kind: "prompt", name: target.prompt, entry: prompt, complete } as const
  }
  const template = templates.find(principal, target.template)?.entry
  const complete = Object.hasOwn(template?.complete ?? {}, argument)
    ? template?.complete?.[argument]
    : undefined
  return { kind: "resource", name: target.template, entry: template, complete } as const
}
