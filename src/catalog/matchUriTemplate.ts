/** Matches URIs against RFC 6570 level 1 templates (`test://template/{id}/data`) in linear time. */

export type Match = (uri: string) => Readonly<Record<string, string>> | undefined

/**
 * A variable matches at least one character of one path segment, percent-decoded, up to the first occurrence of the text
 * after it. Variable names are unique, and there must be text between two variables.
 */
export const compile = (template: string): Match => {
  const [first = "", ...rest] = template.split(/\{([A-Za-z0-9_]+)\}/)
  /** Each variable with the text after it. */
  const parts = Array.from({ length: rest.length / 2 }, (_, index) => ({
    name: rest[index * 2] ?? "",
    after: rest[index * 2 + 1] ?? ""
  }))
  return (uri) => {
    if (!uri.startsWith(first)) return undefined
    const variables: Array<[string, string]> = []
    let at = first.length
    for (const [index, { after, name }] of parts.entries()) {
      const last = index === parts.length - 1
      // The last text must match the end of the URI.
      const end = last ? uri.length - after.length : uri.indexOf(after, at + 1)
      if (end <= at || after !== uri.slice(end, end + after.length)) return undefined
      const value = uri.slice(at, end)
      if (value.includes("/")) return undefined
      try {
        variables.push([name, decodeURIComponent(value)])
      } catch {
        return undefined // invalid percent-encoding
      }
      at = end + after.length
    }
    return at === uri.length ? Object.fromEntries(variables) : undefined
  }
}
