/** `output://{client}/{project}/{file}`: what tools have made, as it lies in the output folder. */
import { Effect } from "effect"
import { mimeType, Output } from "../../layers/output/Output.ts"
import { NotFound } from "../catalog/CatalogError.ts"
import type { Complete, TemplateEntry } from "../catalog/Entry.ts"

export const entry = Effect.map(Output, (output): TemplateEntry => {
  const beginning = (typed: string, names: Effect.Effect<ReadonlyArray<string>>) =>
    Effect.map(names, (all) => all.filter((name) => name.toLowerCase().startsWith(typed.toLowerCase())))
  const client: Complete = (typed) => beginning(typed, output.list())
  const project: Complete = (typed, given) =>
    given["client"] === undefined ? Effect.succeed([]) : beginning(typed, output.list(given["client"]))
  const file: Complete = (typed, given) =>
    given["client"] === undefined || given["project"] === undefined
      ? Effect.succeed([])
      : beginning(typed, output.list(given["client"], given["project"]))
  return {
    uriTemplate: "output://{client}/{project}/{file}",
    name: "output",
    title: "Output",
    description: "A file that a tool has made for a client's project.",
    mimeType,
    scopes: ["read"],
    complete: { client, project, file },
    read: (uri, names) =>
      Effect.flatMap(
        output.read(names["client"] ?? "", names["project"] ?? "", names["file"] ?? ""),
        (bytes) =>
          bytes === undefined
            ? Effect.fail(new NotFound({ kind: "resource", name: uri }))
            : Effect.succeed({ contents: [{ uri, mimeType, blob: Buffer.from(bytes).toString("base64") }] })
      )
  }
})
