/** LibreOffice and Poppler, and fonts with the widths that decks are set with: opens decks as their readers do, and says what can be seen of them. */
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"

const programs = ["soffice", "pdftotext", "pdftoppm"].map((name) => [name, Bun.which(name)] as const)

const fonts = ["crosextra/Carlito", "crosextra/Caladea", "liberation/LiberationSans"].map(
  (name) => [name, existsSync(`/usr/share/fonts/truetype/${name}-Bold.ttf`) ? name : null] as const
)

/** What is not installed. Where everything must be tested, nothing may be left out for that. */
export const missing: ReadonlyArray<string> = [...programs, ...fonts].flatMap(([name, path]) =>
  path === null ? [name] : []
)
export const skipped = missing.length > 0 && !process.env["CI"]
export const reason = skipped ? ` (skipped: ${missing.join(", ")} not installed)` : ""

const run = async (command: ReadonlyArray<string>) => {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}: ${stderr}`)
  return stdout
}

export interface Word {
  readonly text: string
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

export interface Seen {
  /** Of each page, in points. */
  readonly pages: ReadonlyArray<{
    readonly width: number
    readonly height: number
    readonly words: ReadonlyArray<Word>
    /** Without white space: lines are broken where the renderer likes. */
    readonly text: string
  }>
}

/** A presentation in a temporary folder, with a separate profile of `soffice`. */
export const opened = async <A>(
  decks: Readonly<Record<string, Uint8Array<ArrayBuffer>>>,
  body: (folder: string) => Promise<A>
): Promise<A> => {
  const folder = await mkdtemp(join(tmpdir(), "manifold-office-"))
  try {
    const files = Object.keys(decks).map((name) => join(folder, `${name}.pptx`))
    for (const [name, bytes] of Object.entries(decks)) await Bun.write(join(folder, `${name}.pptx`), bytes)
    const profile = `-env:UserInstallation=${pathToFileURL(join(folder, "profile")).href}`
    await run(["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", folder, ...files])
    return await body(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }
const decoded = (text: string) =>
  text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => entities[name] ?? "")

export const see = async (pdf: string): Promise<Seen> => {
  const html = await run(["pdftotext", "-bbox", pdf, "-"])
  const pages = [...html.matchAll(/<page width="([\d.]+)" height="([\d.]+)">(.*?)<\/page>/gs)].map(
    ([, width, height, content = ""]) => {
      const words = [
        ...content.matchAll(
          /<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">([^<]*)<\/word>/g
        )
      ].map(([, left, top, right, bottom, word = ""]) => ({
        text: decoded(word),
        left: Number(left),
        top: Number(top),
        right: Number(right),
        bottom: Number(bottom)
      }))
      return {
        width: Number(width),
        height: Number(height),
        words,
        text: words.map((word) => word.text).join("")
      }
    }
  )
  return { pages }
}

/** Pictures of the pages, as portable pixmaps of that width. */
export const pixels = async (pdf: string, width: number): Promise<ReadonlyArray<Pixmap>> => {
  const folder = await mkdtemp(join(tmpdir(), "manifold-pixels-"))
  try {
    await run(["pdftoppm", "-scale-to-x", String(width), "-scale-to-y", "-1", pdf, join(folder, "page")])
    const names = [...new Bun.Glob("*.ppm").scanSync({ cwd: folder })].toSorted()
    return await Promise.all(
      names.map(async (name) => pixmap(new Uint8Array(await Bun.file(join(folder, name)).arrayBuffer())))
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export interface Pixmap {
  readonly width: number
  readonly height: number
  /** Three bytes a pixel. */
  readonly data: Uint8Array
}

const pixmap = (bytes: Uint8Array): Pixmap => {
  const head = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(new TextDecoder("latin1").decode(bytes.subarray(0, 64)))
  if (head === null) throw new Error("not a pixmap")
  return { width: Number(head[1]), height: Number(head[2]), data: bytes.subarray(head[0].length) }
}
