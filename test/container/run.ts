/**
 * `bun run container`: builds the image on bases made from Debian's packages and checks containers of it, then checks the
 * service on a real systemd. The last line is `container N/M`. Needs root, podman, debootstrap and the npm registry.
 */
import { copyFile, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Check, checksOf } from "./checks.ts"
import { debootstrap, makeImages } from "./images.ts"
import { makePodman, must } from "./podman.ts"
import { serviceChecks } from "./service.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const image = "localhost/manifold"

const missing = ["podman", "debootstrap"].filter((program) => Bun.which(program) === null)
if (missing.length > 0 || process.getuid?.() !== 0) {
  console.error(`Needs root${missing.map((program) => `, ${program}`).join("")}`)
  process.exit(1)
}

const results: Array<boolean> = []
const runAll = async (checks: ReadonlyArray<Check>) => {
  for (const [name, check] of checks) {
    const began = performance.now()
    const problem = await check().then(
      () => "",
      (error: unknown) => (error instanceof Error ? error.message : String(error))
    )
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    results.push(problem === "")
    console.log(problem === "" ? `ok     ${name} (${seconds} s)` : `FAILED ${name}\n${problem}`)
  }
}

const scratch = await mkdtemp(join(tmpdir(), "manifold-container-"))
const podman = makePodman(join(scratch, "podman"))
const debian = join(scratch, "debian")
const binary = join(scratch, "manifold")

const prepare: ReadonlyArray<Check> = [
  ["Debian with systemd", () => debootstrap(debian)],
  ["base images", () => makeImages(podman, scratch, debian, join(root, "Dockerfile"))],
  [
    "the Dockerfile",
    async () => {
      const commit = ["--build-arg=COMMIT=0123456789abcdef", "--build-arg=SOURCE_DATE_EPOCH=1764115200"]
      // The format has health checks, which that of OCI has not.
      const flags = ["--format=docker", "--isolation=chroot", "--network=host", "--pull=never"]
      await podman.must("build", "--quiet", ...flags, ...commit, `--tag=${image}`, root)
      await podman.findRuntime(image, "--version")
    }
  ]
]

try {
  await runAll(prepare)
  if (results.every(Boolean)) {
    await runAll(checksOf(podman, image))
    await must([process.execPath, "run", `--cwd=${root}`, "build"])
    await copyFile(join(root, "dist/manifold"), binary)
    await runAll(serviceChecks(podman, debian, binary))
  }
} finally {
  await podman.destroy()
  await rm(scratch, { recursive: true, force: true })
}

const passed = results.filter(Boolean).length
console.log(`container ${passed}/${results.length}`)
process.exitCode = passed === results.length ? 0 : 1
