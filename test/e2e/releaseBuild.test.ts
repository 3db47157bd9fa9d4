/** Binaries for each platform, their checksums and bill of materials, and that a build can be repeated; a long test. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

const root = new URL("../../", import.meta.url).pathname
const sources = [
  "package.json",
  "bun.lock",
  "bunfig.toml",
  "tsconfig.json",
  "src",
  "layers",
  "templates",
  "test/support"
]

const isLong = process.env["MANIFOLD_LONG_TESTS"] !== undefined
/** Enough for a download of all runtimes. */
const timeout = 600_000

const run = async (cwd: string, ...command: ReadonlyArray<string>) => {
  const env = { ...process.env, MANIFOLD_COMMIT: "0123456789abcdef", SOURCE_DATE_EPOCH: "1764115200" }
  const child = Bun.spawn([...command], { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stdout}${stderr}`)
  return stdout
}

/** The sources in a new folder without a repository, with dependencies that were installed there. */
const checkout = async (folder: string) => {
  for (const source of sources) {
    await mkdir(join(folder, source, ".."), { recursive: true })
    await cp(join(root, source), join(folder, source), { recursive: true })
  }
  await run(folder, process.execPath, "install", "--frozen-lockfile", "--production", "--ignore-scripts")
  return folder
}

const hashOf = async (file: string) =>
  new Bun.CryptoHasher("sha256").update(await Bun.file(file).bytes()).digest("hex")

/** First bytes: ELF with its class, byte order and machine; Mach-O with its processor; PE. */
const formats: Readonly<Record<string, (head: DataView) => boolean>> = {
  "linux-x64": (head) => head.getUint32(0) === 0x7f454c46 && head.getUint16(18, true) === 62,
  "linux-arm64": (head) => head.getUint32(0) === 0x7f454c46 && head.getUint16(18, true) === 183,
  "darwin-x64": (head) => head.getUint32(0, true) === 0xfeedfacf && head.getUint32(4, true) === 0x01000007,
  "darwin-arm64": (head) => head.getUint32(0, true) === 0xfeedfacf && head.getUint32(4, true) === 0x0100000c,
  "windows-x64": (head) => head.getUint16(0) === 0x4d5a
}

describe.skipIf(!isLong)("bun run build", () => {
  let folder = ""
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "manifold-builds-"))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test(
    "makes the same bytes in two folders",
    async () => {
      const folders = [
        await checkout(join(folder, "one")),
        await checkout(join(folder, "another place", "with a longer name"))
      ]
      const hashes: Array<Record<string, string>> = []
      for (const each of folders) {
        await run(each, process.execPath, "run", "build")
        await run(each, process.execPath, "run", "build", "--target", "windows-x64")
        const release = join(each, "dist/release")
        hashes.push({
          native: await hashOf(join(each, "dist/manifold")),
          sums: await Bun.file(join(release, "SHA256SUMS")).text()
        })
      }
      expect(hashes[0]).toEqual(hashes[1])
      expect(await run(folder, join(folder, "one/dist/manifold"), "--version")).toBe(
        "manifold v0.1.0 (0123456789ab, 2025-11-26)\n"
      )
    },
    timeout
  )

  test(
    "--all makes a binary of each format, with checksums and a bill of materials",
    async () => {
      const place = join(folder, "one")
      await run(place, process.execPath, "run", "build", "--all")
      const release = join(place, "dist/release")
      await run(release, "sha256sum", "--check", "--strict", "SHA256SUMS")
      const names = (await readdir(release)).filter((name) => name.startsWith("manifold-"))
      expect(names).toHaveLength(7)
      for (const name of names) {
        const target = name.replace(/^manifold-|-musl|\.exe$/g, "")
        const head = new DataView(await Bun.file(join(release, name)).slice(0, 64).arrayBuffer())
        expect({ name, ok: formats[target]?.(head) }).toEqual({ name, ok: true })
      }
      const bom = (await Bun.file(join(release, "manifold.cdx.json")).json()) as {
        readonly bomFormat: string
        readonly metadata: { readonly timestamp: string }
        readonly components: ReadonlyArray<{ readonly name: string; readonly version: string }>
      }
      expect(bom).toMatchObject({
        bomFormat: "CycloneDX",
        metadata: { timestamp: "2025-11-26T00:00:00Z", component: { name: "manifold", version: "0.1.0" } }
      })
      const manifest = (await Bun.file(join(root, "package.json")).json()) as {
        readonly dependencies: Readonly<Record<string, string>>
        readonly devDependencies: Readonly<Record<string, string>>
      }
      const listed = bom.components.map(({ name, version }) => `${name}@${version}`)
      for (const [name, version] of Object.entries(manifest.dependencies)) {
        expect(listed).toContain(`${name}@${version}`)
      }
      expect(listed).toContain(`bun@${Bun.version}`)
      expect(listed.some((each) => each.startsWith("oxlint@"))).toBe(false)
      expect(new Set(listed).size).toBe(listed.length)
    },
    timeout
  )
})
