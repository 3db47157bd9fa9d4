/** Checks of `manifold service` on a real systemd, which is process 1 of a container. */
import { copyFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, type Check, freePort, healthOf } from "./checks.ts"
import { containerFlags, type Podman } from "./podman.ts"

/** `debian`: the root folder of a Debian with systemd; `binary`: the program. */
export const serviceChecks = (
  { must, podman }: Podman,
  debian: string,
  binary: string
): ReadonlyArray<Check> => {
  let id = ""
  let port = 0
  const inside = (...command: ReadonlyArray<string>) => podman("exec", id, ...command)
  const check = async (...command: ReadonlyArray<string>) => {
    const { code, output, stdout } = await inside(...command)
    assert(code === 0, `${command.join(" ")} ended with ${code}\n${output}`)
    return stdout.trim()
  }
  const log = async () => (await inside("journalctl", "--unit=manifold", "--no-pager", "--output=cat")).output
  const alive = async () =>
    (await inside("systemctl", "is-failed", "manifold")).code === 0 ? await log() : undefined
  const healthy = async () => {
    const { code, text } = await healthOf(port, alive)
    assert(code === 200, text)
  }
  const processOf = () => check("systemctl", "show", "manifold", "--property=MainPID", "--value")

  return [
    [
      "install starts the hardened service, and a call that uses the state works",
      async () => {
        await copyFile(binary, join(debian, "usr/local/bin/manifold"))
        port = freePort()
        id = await must(
          "run",
          "--detach",
          "--privileged",
          "--systemd=always",
          ...containerFlags,
          "--rootfs",
          debian,
          "/sbin/init"
        )
        await check("bash", "-c", "until systemctl is-system-running --wait; do sleep 0.1; done 2>/dev/null")
        await check("mkdir", "-p", "/etc/manifold")
        await check("bash", "-c", `printf 'server:\n  port: ${port}\n' >/etc/manifold/manifold.yaml`)
        await check("manifold", "service", "install", "--yes")
        await healthy()
        assert((await check("manifold", "service", "status")).includes("active"), "not active")
        const status = await check("cat", `/proc/${await processOf()}/status`)
        for (const line of [/^CapEff:\t0+$/m, /^NoNewPrivs:\t1$/m, /^Seccomp:\t2$/m]) {
          assert(line.test(status), status)
        }
        assert(!/^Uid:\t0\t/m.test(status), "it runs as root")
      }
    ],
    [
      "service run makes a token that is accepted, and returns the exit code of its command",
      async () => {
        await check("bash", "-c", "echo 'LEVEL=warn' >/etc/manifold/environment")
        const token = await check("manifold", "service", "run", "--", "token", "create", "laptop")
        const failed = await inside("manifold", "service", "run", "--", "token", "create", "laptop")
        assert(failed.code === 1 && failed.output.includes("laptop"), failed.output)
        await check("systemctl", "restart", "manifold")
        await healthy()
        const headers = { authorization: `Bearer ${token}` }
        const usage = await (await fetch(`http://127.0.0.1:${port}/usage`, { headers })).text()
        assert(usage.includes('"principal":"laptop"'), usage)
      }
    ],
    [
      "systemctl reload reads the configuration again",
      async () => {
        await check("bash", "-c", "echo 'wrong: 1' >>/etc/manifold/manifold.yaml")
        await check("systemctl", "reload", "manifold")
        const deadline = performance.now() + 10_000
        while (!(await log()).includes("manifold.yaml:3:1")) {
          assert(performance.now() < deadline, await log())
          await Bun.sleep(100)
        }
        await check("sed", "-i", "3d", "/etc/manifold/manifold.yaml")
      }
    ],
    [
      "it is started again after SIGKILL",
      async () => {
        const before = await processOf()
        await check("bash", "-c", `kill -KILL ${before}`)
        await check("bash", "-c", "until systemctl is-active --quiet manifold; do sleep 0.1; done")
        await healthy()
        assert((await processOf()) !== before, "the same process")
      }
    ],
    [
      "it stops within 6 s, and remove keeps state and configuration",
      async () => {
        const began = performance.now()
        await check("systemctl", "stop", "manifold")
        assert(performance.now() - began < 6000, "slow")
        const result = await check("systemctl", "show", "manifold", "--property=Result", "--value")
        assert(result === "success", result)
        assert((await inside("manifold", "service", "status")).code === 3, "exit code of status")
        await check("manifold", "service", "remove", "--yes")
        assert((await inside("manifold", "service", "status")).code === 4, "exit code of status")
        await check("test", "-f", "/var/lib/manifold/manifold.db")
        await check("test", "-f", "/etc/manifold/manifold.yaml")
      }
    ]
  ]
}
