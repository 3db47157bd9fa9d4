/** Tools of the upstream servers of the compatibility matrix, and the URIs of their resources. */

export const names = [
  "repeat",
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

/** URIs differ between servers, because resources keep theirs. */
export const places = (name: string) => {
  const prefix = `matrix://${name}/`
  return { prefix, state: `${prefix}state`, template: `${prefix}item/{id}` }
}
