/** Applies the rules of a `robots.txt` (RFC 9309) to a URL; runs in the worker, because the patterns are untrusted. */
import type { RobotsJob } from "./workerMessages.ts"

/** The agent of a line `User-agent: …`. */
const isAgent = /^\s*user-agent\s*:\s*(?<agent>[^#\s]*)/i

/**
 * The same rules with all other agents merged into one, so that ten thousand agents with ten thousand rules do not
 * multiply.
 */
const simplified = (text: string, agent: string) => {
  const group = new Set<string>()
  return text
    .split(/\r\n|\r|\n/)
    .filter((line) => line.trim() !== "")
    .flatMap((line) => {
      const named = isAgent.exec(line)?.groups?.["agent"]?.toLowerCase()
      if (named === undefined) {
        group.clear()
        return [line]
      }
      const product = named.split("/", 1)[0] ?? ""
      const as = product === agent || product === "*" ? product : "another-agent"
      if (group.has(as)) return []
      group.add(as)
      return [`User-agent: ${as}`]
    })
    .join("\n")
}

export const allows = async ({ agent, text, url }: RobotsJob): Promise<boolean> => {
  const { default: parse } = await import("robots-parser")
  const product = (agent.split("/", 1)[0] ?? "").toLowerCase()
  return parse(new URL("/robots.txt", url).href, simplified(text, product)).isAllowed(url, product) !== false
}
