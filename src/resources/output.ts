/** Resource template `output://{client}/{project}/{file}`: files in the caller's output folder. */
import { Effect } from "effect"
import { mimeTypeOf } from "../../layers/output/fileTypes.ts"
import { Output } from "../../layers/output/Output.ts"
import { Caller } from "../catalog/Caller.ts"
import { NotFound } from "../catalog/CatalogError.ts"
import type { Complete, TemplateEntry } from "../catalog/Entry.ts"

export const entry = Effect.map(Output, (output): TemplateEntry => {
  const complete =
    (...outer: ReadonlyArray<string>): Complete =>
    (typed, given) => {
      const folders = outer.map((name) => given[name])
      if (!folders.every((name) => name !== undefined)) return Effect.succeed([])
      return Effect.flatMap(Caller, ({ principal }) => output.list(principal, ...folders)).pipe(
        Effect.map((names) => names.filter((name) => name.toLowerCase().startsWith(typed.toLowerCase())))
      )
    }
  return {
    uriTemplate: "output://{client}/{project}/{file}",
    name: "output",
    title: "Output",
    description: "File that a tool created for a project.",
    scopes: ["read"],
    complete: { client: complete(), project: complete("client"), file: complete("client", "project") },
    read: (uri, names) =>
      Effect.gen(function* () {
        const { principal } = yield* Caller
        const [client = "", project = "", file = ""] = [names["client"], names["project"], names["file"]]
        const bytes = yield* output.read(principal, client, project, file)
        if (bytes === undefined) return yield* new NotFound({ kind: "resource", name: uri })
        return {
          contents: [{ uri, mimeType: mimeTypeOf(file), blob: Buffer.from(bytes).toString("base64") }]
        }
      })
  }
})
