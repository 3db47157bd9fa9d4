/** Tools of the upstream servers of the compatibility matrix, and the URIs of their resources. */

export const names = [
  "repeat",
  "meta",
  "rich",
  "progress",
  "log",
  "elicit",
  "sample",
  "roots",
  "hang",
  "cancelled",
  "touch",
  "grow"
] as const

/** What the tool `rich` returns besides text. */
export const richResult = (state: string) => ({
  content: [{ type: "resource_link" as const, uri: state, name: "state" }],
  structuredContent: { rows: [1, null, "x"] },
  _meta: { "example.com/trace": "t-1" }
})

/** URIs differ between servers, because resources keep theirs. */
export const places = (name: string) => {
  const prefix = `matrix://${name}/`
  return { prefix, state: `${prefix}state`, template: `${prefix}item/{id}` }
}
