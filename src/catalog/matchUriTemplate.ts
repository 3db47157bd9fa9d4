/** Matches URIs against RFC 6570 level 1 templates (`test://template/{id}/data`) in linear time. */

export type Match = (uri: string) => Readonly<Record<string, string>> | undefined

/**
 * A variable stands for at least one character of one path segment, percent-decoded, up to where the text behind it
 * first occurs. Names may occur once, and two variables must have text between them.
 */
export const compile = (template: string): Match => {
  const [first = "", ...rest] = template.split(/\{([A-Za-z0-9_]+)\}/)
  /** Each variable with the text behind it. */
  const parts = Array.from({ length: rest.length / 2 }, (_, index) => ({
    name: rest[index * 2] ?? "",
    behind: rest[index * 2 + 1] ?? ""
  }))
  return (uri) => {
    if (!uri.startsWith(first)) return undefined
    const variables: Array<[string, string]> = []
    let at = first.length
    for (const [index, { behind, name }] of parts.entries()) {
      const last = index === parts.length - 1
      // The last text must be at the end, so it is looked for there.
      const end = last ? uri.length - behind.length : uri.indexOf(behind, at + 1)
      if (end <= at || behind !== uri.slice(end, end + behind.length)) return undefined
      const value = uri.slice(at, end)
      if (value.includes("/")) return undefined
      try {
        variables.push([name, decodeURIComponent(value)])
      } catch {
        return undefined // a stray % is no match
      }
      at = end + behind.length
    }
    return at === uri.length ? Object.fromEntries(variables) : undefined
  }
}
