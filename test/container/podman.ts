/** Podman with a store of images that belongs to one run, and the flags with which containers start on this machine. */
import { rm } from "node:fs/promises"
import { join } from "node:path"

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** Both streams, for a person. */
  readonly output: string
}

export const run = async (command: ReadonlyArray<string>, stdin?: Blob): Promise<Ran> => {
  const child = Bun.spawn([...command], { stdin: stdin ?? "ignore", stdout: "pipe", stderr: "pipe" })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, stdout, stderr, output: `${stdout}${stderr}` }
}

export const must = async (command: ReadonlyArray<string>, stdin?: Blob): Promise<string> => {
  const { code, output, stdout } = await run(command, stdin)
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}\n${output}`)
  return stdout
}

/** Podman's warning where no systemd can run health checks at intervals. */
const timers = /^time=.*(?:to (?:add|start|remove) healthchecks|Removing timer).*\n/gm

/** `store`: a folder for images, volumes and containers. */
export const makePodman = (store: string) => {
  const base = [
    "podman",
    `--root=${join(store, "storage")}`,
    `--runroot=${join(store, "run")}`,
    `--tmpdir=${join(store, "tmp")}`,
    `--volumepath=${join(store, "volumes")}`,
    // Without systemd on the machine.
    "--cgroup-manager=cgroupfs",
    "--events-backend=none"
  ]
  let runtime: ReadonlyArray<string> = []

  const podman = async (...args: ReadonlyArray<string>): Promise<Ran> => {
    const ran = await run([...base, ...runtime, ...args])
    return { ...ran, stderr: ran.stderr.replace(timers, ""), output: ran.output.replace(timers, "") }
  }
  const mustRun = async (...args: ReadonlyArray<string>) => {
    const { code, output, stdout } = await podman(...args)
    if (code !== 0) throw new Error(`podman ${args.join(" ")} ended with ${code}\n${output}`)
    return stdout.trim()
  }

  /** crun does not start on a machine with both versions of cgroups; runc does. */
  const findRuntime = async (image: string, ...command: ReadonlyArray<string>) => {
    const runc = Bun.which("runc", { PATH: `${process.env["PATH"]}:/usr/sbin` })
    const failures: Array<string> = []
    for (const each of [[], ...(runc === null ? [] : [[`--runtime=${runc}`]])]) {
      runtime = each
      const { code, output } = await podman("run", "--rm", ...containerFlags, image, ...command)
      if (code === 0) return
      failures.push(output)
    }
    throw new Error(`No container starts here:\n${failures.join("\n")}`)
  }

  const destroy = async () => {
    await podman("rm", "--all", "--force", "--time=0")
    await podman("rmi", "--all", "--force")
    await run(["umount", join(store, "storage/overlay")])
    await rm(store, { recursive: true, force: true })
  }

  return { podman, must: mustRun, findRuntime, destroy, base }
}

export type Podman = ReturnType<typeof makePodman>

/** The limits are lower than those of any machine: without CAP_SYS_RESOURCE none can be raised. */
export const containerFlags = ["--network=host", "--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096"]
