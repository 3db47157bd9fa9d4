/** Prompt entries from a function of typed arguments. */
import { Effect } from "effect"
import { text, type Icon, type PromptOutput } from "../domain/Content.ts"
import type { JsonObject } from "../domain/JsonObject.ts"
import type { Scope } from "../domain/scopes.ts"
import { InvalidArguments } from "./CatalogError.ts"
import type { CallServices, Complete, PromptEntry } from "./Entry.ts"
import { toFailed } from "./toFailed.ts"

export interface Argument {
  readonly title?: string
  readonly description?: string
  /** Default: false. The catalog rejects a request without a required argument. */
  readonly required?: boolean
  /** Completes values while a user types. */
  readonly complete?: Complete
}

type Arguments = Readonly<Record<string, Argument>>

/** Arguments of `get`: required ones are present, others optional. */
export type Given<A extends Arguments> = {
  readonly [Name in keyof A as A[Name] extends { readonly required: true } ? Name : never]: string
} & {
  readonly [Name in keyof A as A[Name] extends { readonly required: true } ? never : Name]?: string
}

export interface PromptOptions<A extends Arguments, E> {
  readonly name: string
  readonly title?: string
  readonly description?: string
  readonly icons?: ReadonlyArray<Icon>
  readonly meta?: JsonObject
  /** Required scopes, all of them. Default: `call`. */
  readonly scopes?: ReadonlyArray<Scope>
  readonly arguments?: A
  /** The messages, or the text of one user message. */
  readonly get: (args: Given<A>) => Effect.Effect<string | PromptOutput, E, CallServices>
}

/** Errors of `get` other than `InvalidArguments` become `Failed` with the same message. */
export const prompt = <const A extends Arguments = {}, E = never>({
  arguments: declared,
  get,
  scopes = ["call"],
  ...named
}: PromptOptions<A, E>): PromptEntry => ({
  ...named,
  scopes,
  arguments: Object.entries<Argument>(declared ?? {}).map(([name, { required = false, ...rest }]) => ({
    name,
    required,
    ...rest
  })),
  get: (args) =>
    // The catalog has checked that the required arguments are present.
    Effect.map(get(args as Given<A>), (output) =>
      typeof output === "string" ? { messages: [{ role: "user" as const, content: text(output) }] } : output
    ).pipe(
      Effect.mapError((error) => (error instanceof InvalidArguments ? error : toFailed(named.name, error)))
    )
})
