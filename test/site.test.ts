/** The documentation site: built from the pages as they are, complete, without requests to other hosts, and used in Chromium. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Browser, chromium, type Page } from "playwright-core"
import { root } from "./support/codeBlocks.ts"
import { fileInSite, pages, resolveLink } from "./support/site/pages.ts"

/** The browser of the system; none is downloaded. */
const executablePath = Bun.which("chromium")
/** Where screenshots are written; none by default. */
const screenshots = process.env["MANIFOLD_SCREENSHOTS"]

/** Building the site and opening each page takes half a minute on a slow machine. */
const isLong = process.env["MANIFOLD_LONG_TESTS"] === "1"
const onSite = test.skipIf(!isLong)
const inBrowser = test.skipIf(!isLong || executablePath === null)

let folder = ""
let origin = ""
let stop = async () => {}
let browser: Browser | undefined

beforeAll(async () => {
  if (!isLong) return
  folder = await mkdtemp(join(tmpdir(), "manifold-site-"))
  const build = Bun.spawn([process.execPath, "run", "site", "--outDir", folder], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe"
  })
  const [stdout, stderr, code] = await Promise.all([build.stdout.text(), build.stderr.text(), build.exited])
  if (code !== 0) throw new Error(`the site was not built:\n${stdout}${stderr}`)
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      const file = Bun.file(join(folder, pathname.endsWith("/") ? `${pathname}index.html` : pathname))
      return (await file.exists()) ? new Response(file) : new Response("not found", { status: 404 })
    }
  })
  origin = `http://127.0.0.1:${server.port}`
  stop = () => server.stop(true)
  if (executablePath !== null) browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] })
}, 120_000)

afterAll(async () => {
  await browser?.close()
  await stop()
  if (folder !== "") await rm(folder, { recursive: true, force: true })
})

const htmlOf = (page: string) => fileInSite(page).replace(/\.md$/, ".html")

test("the sidebar lists every page", async () => {
  const documents = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    ...new Bun.Glob("docs/*.md").scanSync(root)
  ]
  expect(pages.toSorted()).toEqual(documents.toSorted())
})

for (const page of pages.filter((name) => name !== "README.md")) {
  test(`${page} states at its top for whom it is`, async () => {
    expect(await Bun.file(`${root}${page}`).text()).toMatch(/^# .+\n\n\*For [^*\n]+\.\*\n\n/)
  })
}

test("a dead link fails the build", () => {
  expect(() => resolveLink("docs/chat.md", "nothing.md")).toThrow("docs/chat.md: dead link nothing.md")
  expect(() => resolveLink("README.md", "../outside.md")).toThrow("dead link")
})

onSite("links lead to pages, headings and files of the site", async () => {
  const texts = new Map<string, string>()
  for (const page of pages) texts.set(htmlOf(page), await Bun.file(join(folder, htmlOf(page))).text())
  const broken: Array<string> = []
  for (const [name, text] of texts) {
    for (const [, link = ""] of text.matchAll(/<a [^>]*href="([^"]+)"/g)) {
      if (/^https?:/.test(link)) continue
      const { hash, pathname } = new URL(link, `${origin}/${name}`)
      const file = pathname === "/" ? "index.html" : pathname.slice(1)
      const target = texts.get(file)
      const exists = target !== undefined || (await Bun.file(join(folder, file)).exists())
      const anchor = decodeURIComponent(hash.slice(1))
      const isThere = anchor === "" || target === undefined || target.includes(`id="${anchor}"`)
      if (!exists || !isThere) broken.push(`${name}: ${link}`)
    }
  }
  expect([...new Set(broken)]).toEqual([])
})

onSite("nothing is loaded from another host", async () => {
  const loads: Array<string> = []
  for (const file of await readdir(folder, { recursive: true })) {
    if (!/\.(html|css)$/.test(file)) continue
    const text = await Bun.file(join(folder, file)).text()
    const elements = text.matchAll(
      /<(?:link|script|img|iframe|source|video)\b[^>]*?(?:src|href)="((?:https?:)?\/\/[^"]+)"/g
    )
    const rules = text.matchAll(/(?:url\(|@import )["']?((?:https?:)?\/\/[^"')]+)/g)
    for (const [, url] of [...elements, ...rules]) loads.push(`${file}: ${url}`)
  }
  expect(loads).toEqual([])
})

const picture = async (page: Page, name: string) => {
  if (screenshots !== undefined) await page.screenshot({ path: join(screenshots, `${name}.png`) })
}

/** Opens a page, and collects problems: requests to other hosts, failed requests, and errors of scripts. */
const open = async (path: string, width: number, colorScheme: "light" | "dark" = "light") => {
  if (browser === undefined) throw new Error("no browser")
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme })
  const page = await context.newPage()
  const problems: Array<string> = []
  page.on("console", (message) => void (message.type() === "error" && problems.push(message.text())))
  page.on("pageerror", (error) => problems.push(error.message))
  page.on(
    "request",
    (request) => void (new URL(request.url()).origin === origin || problems.push(request.url()))
  )
  await page.goto(`${origin}${path}`, { waitUntil: "networkidle" })
  return { page, problems, close: () => context.close() }
}

/** How far the page is wider than the window, in pixels. */
const overflow = (page: Page) =>
  page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth")

const widths = { desktop: 1280, phone: 390 }

for (const [device, width] of Object.entries(widths)) {
  describe(`in Chromium on a ${device}`, () => {
    inBrowser("the search finds a page, and opens it at the heading", async () => {
      const { close, page, problems } = await open("/", width)
      expect(await page.getByRole("heading", { level: 1 }).textContent()).toContain("manifold")
      await picture(page, `site-start-${device}`)
      expect(await overflow(page)).toBe(0)
      await page.locator(".VPNavBarSearch button").first().click()
      await page.locator("#localsearch-input").fill("reverse proxy")
      const results = page.locator("#localsearch-list .result")
      await results.first().waitFor()
      expect(await results.allTextContents()).toContainEqual(
        expect.stringContaining("Run behind a reverse proxy")
      )
      await picture(page, `site-search-${device}`)
      await results.filter({ hasText: "Run behind a reverse proxy" }).first().click()
      await page.waitForURL(/\/proxies\.html/)
      await page.getByRole("heading", { level: 1, name: "Run behind a reverse proxy" }).waitFor()
      expect(problems).toEqual([])
      await close()
    })

    inBrowser(
      "no page is wider than the window",
      async () => {
        const { close, page, problems } = await open("/", width)
        const wide: Array<string> = []
        for (const name of pages) {
          await page.goto(`${origin}/${htmlOf(name)}`)
          if ((await overflow(page)) > 0) wide.push(name)
        }
        expect(wide).toEqual([])
        expect(problems).toEqual([])
        await close()
      },
      60_000
    )
  })
}

for (const [device, width] of Object.entries(widths)) {
  inBrowser(
    `the site is dark on a ${device} for a reader who prefers that, and light for others`,
    async () => {
      for (const scheme of ["light", "dark"] as const) {
        const { close, page, problems } = await open("/from-zero-desktop.html", width, scheme)
        const isDark = 'document.documentElement.classList.contains("dark")'
        expect(await page.evaluate<boolean>(isDark)).toBe(scheme === "dark")
        await picture(page, `site-page-${scheme}-${device}`)
        expect(problems).toEqual([])
        await close()
      }
    }
  )
}
