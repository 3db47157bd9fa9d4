/** Resource and resource template entries from effects that return text, bytes or MCP contents. */
import { Effect } from "effect"
import type { ReadOutput } from "../domain/Content.ts"
import { NotFound } from "./CatalogError.ts"
import type { CallServices, ResourceEntry, TemplateEntry } from "./Entry.ts"
import { toFailed } from "./toFailed.ts"

/** Text or bytes of the resource, or contents with their own URIs. */
export type Contents = string | Uint8Array | ReadOutput

const toOutput = (uri: string, mimeType: string | undefined, contents: Contents): ReadOutput => {
  const type = mimeType === undefined ? {} : { mimeType }
  if (typeof contents === "string") return { contents: [{ uri, ...type, text: contents }] }
  if (!(contents instanceof Uint8Array)) return contents
  return { contents: [{ uri, ...type, blob: Buffer.from(contents).toString("base64") }] }
}

export interface ResourceOptions<E> extends Omit<ResourceEntry, "read" | "scopes"> {
  /** Required scopes, all of them. Default: `read`. */
  readonly scopes?: ResourceEntry["scopes"]
  readonly read: Effect.Effect<Contents, E, CallServices>
}

/** Errors of `read` become `Failed` with the same message. */
export const resource = <E = never>({
  read,
  scopes = ["read"],
  ...named
}: ResourceOptions<E>): ResourceEntry => ({
  ...named,
  scopes,
  read: Effect.map(read, (contents) => toOutput(named.uri, named.mimeType, contents)).pipe(
    Effect.mapError((error) => toFailed(named.name, error))
  )
})

/** Variable names of a URI template: `id` and `file` for `user://{id}/{file}`. */
type VariableOf<Template extends string> = Template extends `${string}{${infer Name}}${infer Rest}`
  ? Name | VariableOf<Rest>
  : never

export interface ResourceTemplateOptions<Template extends string, E> extends Omit<
  TemplateEntry,
  "read" | "scopes" | "uriTemplate"
> {
  /** RFC 6570, level 1: `user://{id}/{file}`. */
  readonly uriTemplate: Template
  /** Required scopes, all of them. Default: `read`. */
  readonly scopes?: TemplateEntry["scopes"]
  readonly read: (
    variables: { readonly [Name in VariableOf<Template>]: string },
    uri: string
  ) => Effect.Effect<Contents, E, CallServices>
}

/** Errors of `read` other than `NotFound` become `Failed` with the same message. */
export const resourceTemplate = <const Template extends string, E = never>({
  read,
  scopes = ["read"],
  ...named
}: ResourceTemplateOptions<Template, E>): TemplateEntry => ({
  ...named,
  scopes,
  read: (uri, variables) =>
    // A matching URI has all variables of the template.
    Effect.map(read(variables as Parameters<typeof read>[0], uri), (contents) =>
      toOutput(uri, named.mimeType, contents)
    ).pipe(Effect.mapError((error) => (error instanceof NotFound ? error : toFailed(named.name, error))))
})
