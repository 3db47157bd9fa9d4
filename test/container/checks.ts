/** Checks of the image: as a user runs it, and in the conditions in which containers fail. */
import { SQL } from "bun"
import { mkdtemp, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { containerFlags, type Podman } from "./podman.ts"

export type Check = readonly [name: string, check: () => Promise<void>]

/** Seconds in which a container must stop. */
const longestStop = 6

/** No writable folder but the volume, and no privilege. */
const locked = [
  "--read-only",
  "--read-only-tmpfs=false",
  "--cap-drop=ALL",
  "--security-opt=no-new-privileges"
]

export const assert = (holds: boolean, detail: string) => {
  if (!holds) throw new Error(detail)
}

export const freePort = () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } })
  listener.stop(true)
  return listener.port
}

const server = process.env["MANIFOLD_TEST_POSTGRES_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres"

/** A new database in PostgreSQL, which is removed afterwards. */
const withDatabase = async (use: (url: string) => Promise<void>) => {
  const sql = new SQL(server, { max: 1 })
  const name = `manifold_container_${process.pid}`
  const url = new URL(server)
  url.pathname = name
  try {
    await sql.unsafe(`CREATE DATABASE ${name}`)
    await use(url.href)
    await sql.unsafe(`DROP DATABASE ${name} WITH (FORCE)`)
  } finally {
    await sql.close()
  }
}

/** Waits until the service responds, and fails with its log if it ends before. */
export const healthOf = async (port: number, alive: () => Promise<string | undefined>, headers = {}) => {
  const deadline = performance.now() + 30_000
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/health`, { headers }).catch(() => undefined)
    if (response !== undefined) return { code: response.status, text: await response.text() }
    const ended = await alive()
    if (ended !== undefined) throw new Error(`the service ended:\n${ended}`)
    assert(performance.now() < deadline, "the service does not respond")
    await Bun.sleep(100)
  }
}

export const checksOf = ({ must, podman }: Podman, image: string): ReadonlyArray<Check> => {
  const once = (flags: ReadonlyArray<string>, ...command: ReadonlyArray<string>) =>
    podman("run", "--rm", ...containerFlags, ...flags, image, ...command)

  /** Starts the service; `stop` stops it and returns the seconds that took and its exit code. */
  const start = async (volume: string, ...flags: ReadonlyArray<string>) => {
    const port = freePort()
    const id = await must(
      "run",
      "--detach",
      ...containerFlags,
      `--env=PORT=${port}`,
      `--volume=${volume}`,
      ...flags,
      image
    )
    const log = async () => (await podman("logs", id)).output
    const alive = async () => {
      const running = await must("inspect", "--format={{.State.Running}}", id)
      return running === "true" ? undefined : await log()
    }
    const stop = async () => {
      const began = performance.now()
      await must("stop", "--time=20", id)
      const seconds = (performance.now() - began) / 1000
      const code = Number(await must("inspect", "--format={{.State.ExitCode}}", id))
      await must("rm", id)
      return { seconds, code }
    }
    return { id, port, log, alive, stop }
  }

  const stops = async (service: Awaited<ReturnType<typeof start>>) => {
    const { code, seconds } = await service.stop()
    assert(code === 0, `exit code ${code}`)
    assert(seconds < longestStop, `stopped after ${seconds.toFixed(1)} s`)
  }

  const connect = async (port: number, token: string) => {
    const client = new Client({ name: "test", version: "1" })
    const url = new URL(`http://127.0.0.1:${port}/mcp`)
    const requestInit = { headers: { authorization: `Bearer ${token}` } }
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit }))
    return client
  }

  let token = ""
  const deck = {
    client_name: "Acme",
    project_name: "Q3",
    source_content_type: "Result",
    source_content_details: ["Q1: 10", "Q2: 14"],
    target_content_type: "PPT",
    number_of_slides: 3,
    content_brief: ""
  }

  return [
    [
      "the image has a health check, a user that is not root, and no shell",
      async () => {
        const about = await must("inspect", "--format={{.User}} {{.HealthCheck.Test}}", image)
        assert(about === "65532:65532 [CMD /usr/local/bin/manifold health]", about)
        for (const program of ["sh", "bash", "busybox"]) {
          const { code } = await once([`--entrypoint=${program}`])
          assert(code === 127, `${program} ended with ${code}`)
        }
      }
    ],
    [
      "--version says the commit",
      async () => {
        const { output, stdout } = await once(locked, "--version")
        assert(/^manifold v\S+ \(0123456789ab, \d{4}-\d\d-\d\d\)\n$/.test(stdout), output)
      }
    ],
    [
      "it does not start without a token, and says how to make one",
      async () => {
        const { code, output } = await once([`--env=PORT=${freePort()}`])
        assert(code === 1 && output.includes("manifold token create"), output)
      }
    ],
    [
      "a token is made in a new volume, by any user of group 0",
      async () => {
        const made = await once([...locked, "--volume=state:/data"], "token", "create", "laptop")
        assert(made.code === 0 && made.stdout.startsWith("mcpt_"), made.output)
        token = made.stdout.trim()
        const random = await once(
          [...locked, "--volume=random:/data", "--user=1234567:0"],
          "token",
          "create",
          "a"
        )
        assert(random.code === 0 && random.stdout.startsWith("mcpt_"), random.output)
      }
    ],
    [
      "it serves with a read-only root, without a temporary folder and without capabilities",
      async () => {
        const service = await start("state:/data", ...locked)
        const { code, text } = await healthOf(service.port, service.alive)
        assert(code === 200 && text === '{"status":"healthy"}', text)
        const client = await connect(service.port, token)
        const sum = await client.callTool({ name: "math.add", arguments: { a: 2, b: 3 } })
        assert(JSON.stringify(sum.structuredContent) === '{"result":5}', JSON.stringify(sum))
        const made = JSON.stringify(await client.callTool({ name: "content.create", arguments: deck }))
        assert(made.includes("/Acme/Q3/content.pptx"), made)
        await client.close()
        const health = await podman("healthcheck", "run", service.id)
        assert(health.code === 0, health.output)
        await stops(service)
      }
    ],
    [
      "it serves as a random user of group 0, also after it was killed, and restore notices it",
      async () => {
        const random = ["--volume=random:/data", ...locked, "--user=1234567:0"]
        const asRoot = ["--volume=backups:/backups", "--volume=random:/data", "--user=0:0"]
        const made = await once(random, "token", "create", "ops")
        assert(made.code === 0, made.output)
        for (const signal of ["KILL", "TERM"]) {
          const service = await start("random:/data", ...locked, "--user=1234567:0")
          const { code, text } = await healthOf(service.port, service.alive)
          assert(code === 200 && text === '{"status":"healthy"}', text)
          const client = await connect(service.port, made.stdout.trim())
          await client.close()
          if (signal === "TERM") {
            // The mark of the killed container does not count.
            const saved = await once(asRoot, "backup", "/backups/monday")
            assert(saved.code === 0, saved.output)
            const restored = await once(asRoot, "restore", "/backups/monday", "--yes")
            assert(restored.code === 1 && restored.output.includes("A running process uses"), restored.output)
            await stops(service)
            const again = await once(asRoot, "restore", "/backups/monday", "--yes")
            assert(again.code === 0, again.output)
          } else {
            await must("kill", "--signal=KILL", service.id)
            await must("wait", service.id)
            await must("rm", service.id)
          }
        }
      }
    ],
    [
      "state in the volume is there after a restart, also with --init; an open stream does not delay the stop",
      async () => {
        const service = await start(
          "state:/data",
          ...locked,
          ...(Bun.which("catatonit") === null ? [] : ["--init"])
        )
        await healthOf(service.port, service.alive)
        const client = await connect(service.port, token)
        const again = JSON.stringify(await client.callTool({ name: "content.create", arguments: deck }))
        assert(again.includes("/Acme/Q3/content-2.pptx"), again)
        const headers = { authorization: `Bearer ${token}` }
        const stream = await fetch(`http://127.0.0.1:${service.port}/stream`, { headers })
        assert(stream.status === 200, `/stream ${stream.status}`)
        await stops(service)
        await stream.body?.cancel().catch(() => {})
        await client.close().catch(() => {})
      }
    ],
    [
      "the configuration is read from /etc/manifold/manifold.yaml",
      async () => {
        const file = join(await mkdtemp(join(tmpdir(), "manifold-container-")), "manifold.yaml")
        await writeFile(file, "server:\n  prot: 8000\n", { mode: 0o644 })
        const { code, output } = await once(
          [`--volume=${file}:/etc/manifold/manifold.yaml:ro`],
          "config",
          "check"
        )
        assert(code === 1 && output.includes("manifold.yaml:2:3"), output)
      }
    ],
    [
      "a user who may not write the volume gets an error that says so",
      async () => {
        const volume = "--volume=foreign:/data"
        const { code, output } = await once([volume, "--user=1234567:1234567"], "token", "create", "a")
        assert(code === 1 && /Cannot (?:read|write) \/data.*: permission denied/.test(output), output)
      }
    ],
    [
      "instances with separate volumes share tokens in PostgreSQL",
      () =>
        withDatabase(async (url) => {
          const database = `--env=MANIFOLD_POSTGRES_URL=${url}`
          const made = await once([...locked, database, "--volume=first:/data"], "token", "create", "shared")
          assert(made.code === 0, made.output)
          const read = await once([...locked, database, "--volume=first:/data"], "token", "list")
          assert(read.code === 0 && read.stdout.includes("shared"), read.output)
          const other = await once([...locked, database, "--volume=second:/data"], "token", "list")
          assert(other.code === 0 && other.stdout.includes("shared"), other.output)
        })
    ],
    [
      "with a read-only volume it is unhealthy and says why",
      async () => {
        const secret = "0123456789abcdef0123456789abcdef"
        const tokens = { auth: { tokens: [{ name: "me", token: "env:MANIFOLD_TOKEN", scopes: ["read"] }] } }
        const service = await start(
          "state:/data:ro",
          ...locked,
          `--env=MANIFOLD_TOKEN=${secret}`,
          `--env=MCP_CONFIG_JSON=${JSON.stringify(tokens)}`
        )
        const { code, text } = await healthOf(service.port, service.alive, {
          authorization: `Bearer ${secret}`
        })
        assert(code === 503 && text.includes("Cannot write /data: read-only file system"), text)
        assert(
          (await service.log()).includes("Cannot write /data: read-only file system"),
          await service.log()
        )
        const health = await podman("healthcheck", "run", service.id)
        assert(health.code === 1, health.output)
        await stops(service)
      }
    ]
  ]
}
