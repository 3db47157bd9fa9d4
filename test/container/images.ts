/** The base images of the Dockerfile, made from Debian's packages under their names: no image registry is needed. */
import { copyFile, mkdir, readdir, realpath, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type Podman, must } from "./podman.ts"

/** A Debian with systemd, for the build stage and for the tests of the service; takes most of the time of the suite. */
export const debootstrap = async (folder: string) => {
  const packages = "systemd,systemd-sysv,dbus,procps,ca-certificates"
  await must(["debootstrap", "--variant=minbase", `--include=${packages}`, "bookworm", folder])
}

const namesOf = async (dockerfile: string) => {
  const text = await Bun.file(dockerfile).text()
  const nameOf = (argument: string) => new RegExp(`^ARG ${argument}=(\\S+)$`, "m").exec(text)?.[1] ?? ""
  return { build: nameOf("BUN_IMAGE"), base: nameOf("BASE_IMAGE") }
}

/** The packages of C's library and time zones, without any program: what the base image has. */
const makeBase = async (debian: string, folder: string) => {
  const cache = join(debian, "var/cache/apt/archives")
  await mkdir(join(folder, "etc"), { recursive: true })
  for (const file of await readdir(cache)) {
    if (/^(?:libc6|base-files|tzdata)_/.test(file)) await must(["dpkg", "-x", join(cache, file), folder])
  }
  await writeFile(join(folder, "etc/passwd"), "root:x:0:0::/root:\nnonroot:x:65532:65532::/home/nonroot:\n")
  await writeFile(join(folder, "etc/group"), "root:x:0:\nnonroot:x:65532:\n")
}

/** Imports both images. The build stage trusts the certificates of this machine, through which it may reach the npm registry. */
export const makeImages = async ({ base }: Podman, scratch: string, debian: string, dockerfile: string) => {
  const names = await namesOf(dockerfile)
  const folder = join(scratch, "base")
  await makeBase(debian, folder)
  const pipe = (from: string, ...args: ReadonlyArray<string>) => {
    const excluded = ["./var/cache", "./usr/share/doc", "./usr/share/locale", "./usr/share/man"]
    const tar = `tar -C ${from} ${excluded.map((path) => `--exclude=${path}`).join(" ")} -c .`
    return must([
      "bash",
      "-o",
      "pipefail",
      "-c",
      `${tar} | "$@"`,
      "import",
      ...base,
      "import",
      "--quiet",
      ...args
    ])
  }
  await pipe(folder, "--change", "USER=65532", "-", names.base)
  await copyFile(await realpath(process.execPath), join(debian, "usr/local/bin/bun"))
  const certificates = "/etc/ssl/certs/ca-certificates.crt"
  if (await Bun.file(certificates).exists()) await copyFile(certificates, join(debian, certificates))
  await pipe(debian, "--change", `ENV=NODE_EXTRA_CA_CERTS=${certificates}`, "-", names.build)
}
