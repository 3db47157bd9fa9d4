/** Completion of prompt arguments and template variables: finds the entry and what suggests values for it. */
import type { Principal } from "../domain/Principal.ts"
import type { Tables } from "./catalogTables.ts"

/** Request: an argument of a prompt, or a variable of a resource template. */
export interface Completion {
  readonly target: { readonly prompt: string } | { readonly template: string }
  readonly argument: string
  readonly typed: string
  readonly given: Readonly<Record<string, string>>
}

/** The most values in one result (MCP, `completion/complete`). */
export const mostCompletions = 100

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
