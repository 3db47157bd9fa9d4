/** The documentation site: `README.md`, `CHANGELOG.md`, `CONTRIBUTING.md` and `docs/*.md` as they are. */
import { cpSync } from "node:fs"
import { join, relative } from "node:path"
import { defineConfig } from "vitepress"
import { root } from "../../test/support/codeBlocks.ts"
import { anchorOf, copyOf, fileInSite, groups, pages, resolveLink, labelOf } from "../../test/support/site/pages.ts"

// VitePress takes a link for a page if it does not know the extension.
process.env["VITE_EXTRA_EXTENSIONS"] = "pptx"

/** Files that pages link to and that are no pages; they are copied. */
const linked = new Set<string>()

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#3451b2"/><path d="M4 12V4l4 5 4-5v8" fill="none" stroke="#fff" stroke-width="2"/></svg>`

/** A brace that Vue does not take for the start of an expression. */
const plain = (html: string) => html.replaceAll("{{", "&#123;&#123;")

export default defineConfig({
  title: "manifold",
  description: "An MCP server with tools, language models and conversations, and a library for MCP servers",
  head: [["link", { rel: "icon", href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  base: process.env["SITE_BASE"] ?? "/",
  srcDir: root,
  // Every folder except `docs`, and the folders of that.
  srcExclude: ["!(docs)/**/*", "docs/*/**/*"],
  rewrites: Object.fromEntries(pages.map((page) => [page, fileInSite(page)])),
  outDir: join(root, "dist/site"),
  cacheDir: join(root, "dist/site-cache"),
  markdown: {
    // Unknown to the highlighter: a similar language.
    languageAlias: { sqrl: "html", haproxy: "ini", caddyfile: "nginx", console: "sh" },
    anchor: { slugify: anchorOf },
    config: (md) => {
      // HTML would be compiled as a template of Vue. The pages have none.
      md.set({ html: false })
      const { code_inline: code } = md.renderer.rules
      md.renderer.rules.text = (tokens, index) => plain(md.utils.escapeHtml(tokens[index]?.content ?? ""))
      md.renderer.rules.code_inline = (...args) => plain(code?.(...args) ?? "")
      md.core.ruler.push("links", ({ env, tokens }) => {
        const { path, realPath = path } = env as { readonly path: string; readonly realPath?: string }
        const page = relative(root, realPath)
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const link = token.type === "link_open" ? token.attrGet("href") : null
          if (link === null) continue
          const { file, href } = resolveLink(page, link)
          token.attrSet("href", href)
          if (file !== undefined) linked.add(file)
        }
      })
    }
  },
  buildEnd: ({ outDir }) => {
    for (const file of linked) cpSync(join(root, file), join(outDir, copyOf(file)))
  },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    sidebar: groups.map((group) => ({
      text: group.title,
      items: group.pages.map((page) => ({
        text: labelOf(page),
        link: `/${fileInSite(page).replace(/(index)?\.md$/, "")}`
      }))
    }))
  }
})
