/** Small catalog entries and principals for tests. */
import { Effect } from "effect"
import type { ResourceEntry, TemplateEntry, ToolEntry } from "../../../src/catalog/Entry.ts"
import { text } from "../../../src/domain/Content.ts"
import { defaults } from "../../../src/domain/Policy.ts"
import { Principal } from "../../../src/domain/Principal.ts"

/** A tool that returns `says`. */
export const tool = (name: string, says = "", scopes: ReadonlyArray<string> = ["call"]): ToolEntry => ({
  name,
  input: { type: "object" },
  hints: {},
  policy: { ...defaults, scopes },
  call: () => Effect.succeed({ content: [text(says)] })
})

export const resource = (uri: string, scopes: ReadonlyArray<string> = ["read"]): ResourceEntry => ({
  uri,
  name: uri,
  scopes,
  read: Effect.succeed({ contents: [{ uri, text: uri }] })
})

export const template = (uriTemplate: string, scopes: ReadonlyArray<string> = ["read"]): TemplateEntry => ({
  uriTemplate,
  name: uriTemplate,
  scopes,
  complete: { id: () => Effect.succeed(["1", "2"]) },
  read: (uri) => Effect.succeed({ contents: [{ uri, text: uriTemplate }] })
})

export const user = (
  subject: string,
  scopes: ReadonlyArray<string> = ["read", "call"],
  ceiling: ReadonlyArray<string> = scopes
) => new Principal({ subject, clientId: "test", scopes, ceiling, source: "api-token" })

export const names = (page: { readonly items: ReadonlyArray<{ readonly name: string }> }) =>
  page.items.map(({ name }) => name)
