/** Matches URIs against RFC 6570 level 1 templates (`test://template/{id}/data`) in linear time. */

export type Match = (uri: string) => Readonly<Record<string, string>> | undefined

/** A variable stands for one path segment or less, percent-decoded; names may occur once. */
export const compile = (template: string): Match => {
  const names: Array<string> = []
  const pattern = template
    .split(/(\{[A-Za-z0-9_]+\})/)
    .map((part) => {
      if (!/^\{[A-Za-z0-9_]+\}$/.test(part)) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
      names.push(part.slice(1, -1))
      return "([^/]+)"
    })
    .join("")
  const expression = new RegExp(`^${pattern}$`)
  return (uri) => {
    const found = expression.exec(uri)
    if (found === null) return undefined
    try {
      return Object.fromEntries(
        names.map((name, index) => [name, decodeURIComponent(found[index + 1] ?? "")])
      )
    } catch {
      return undefined // a stray % is no match
    }
  }
}
