/** The pages of the documentation site, in the order of its sidebar, and where links in them lead. */
import { existsSync, readFileSync } from "node:fs"
import { posix } from "node:path"
import { root } from "../codeBlocks.ts"

interface Group {
  readonly title: string
  /** Paths in the repository. */
  readonly pages: ReadonlyArray<string>
}

const docs = (title: string, ...names: ReadonlyArray<string>): Group => ({
  title,
  pages: names.map((name) => `docs/${name}.md`)
})

export const groups: ReadonlyArray<Group> = [
  { title: "Overview", pages: ["README.md", "docs/install.md", "CHANGELOG.md"] },
  docs("From zero", "from-zero-desktop", "from-zero-chat", "from-zero-operator", "from-zero-library"),
  docs("Desktop users", "clients", "stdio", "fetch", "decks", "models", "templates"),
  docs("Developers of applications", "chat", "http", "sse", "websocket", "rest", "errors", "compatibility"),
  docs(
    "Operators",
    "operating",
    "configuration",
    "security",
    "identity",
    "oauth",
    "limits",
    "usage",
    "upstreams",
    "edge",
    "certificates",
    "proxies",
    "administration",
    "audit"
  ),
  docs("Library users", "library"),
  { title: "Contributors", pages: ["CONTRIBUTING.md", "docs/decisions.md"] }
]

export const pages = groups.flatMap((group) => group.pages)

/** The name of a page in the sidebar: its first heading, without what the title of the group says. */
export const labelOf = (page: string) => {
  const [, title] = /^# (.+)$/m.exec(readFileSync(`${root}${page}`, "utf8")) ?? []
  if (title === undefined) throw new Error(`${page} has no title`)
  if (page === "README.md") return "What manifold is"
  return title.replace(/^From zero: (.)/, (_, letter: string) => letter.toUpperCase())
}

/** The file of a page in the site: the README is its start page, and pages of `docs` are at the top. */
export const fileInSite = (page: string) => (page === "README.md" ? "index.md" : posix.basename(page))

/** The anchor that GitHub gives a heading. */
export const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-")

/** Files that browsers show themselves; any other is served as text. */
const shown = /\.(svg|png|json|pptx)$/

/** The name under which the site serves a file of the repository that is no page. */
export const copyOf = (file: string) => `files/${file}${shown.test(file) ? "" : ".txt"}`

/**
 * Where a link of a page leads in the site: another page, or the copy of a file. Links to other hosts and within the page
 * stay as they are. Throws if it leads nowhere.
 */
export const resolveLink = (
  page: string,
  link: string
): { readonly href: string; readonly file?: string } => {
  if (/^[a-z]+:|^#/.test(link)) return { href: link }
  const [path = "", anchor] = link.split("#")
  const target = posix.join(posix.dirname(page), path)
  const hash = anchor === undefined ? "" : `#${anchor}`
  if (pages.includes(target)) return { href: `/${fileInSite(target)}${hash}` }
  if (target.startsWith("..") || !existsSync(`${root}${target}`))
    throw new Error(`${page}: dead link ${link}`)
  return { href: `/${copyOf(target)}`, file: target }
}
