/**
 * `bun test/support/followPage.ts docs/from-zero-chat.md` follows a page word by word in a new home folder, with a copy of
 * this folder as the clone: commands run unchanged and in order, and their output is compared with what the page shows.
 * Pages use fixed ports, so tests run this in a separate network.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { LLMock } from "@copilotkit/aimock"
import { Effect } from "effect"
import { chmod, cp, mkdir, readdir, symlink } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { info } from "./clients.ts"
import { bash, pattern, root } from "./codeBlocks.ts"
import { stepsOf } from "./pageSteps.ts"
import { home } from "./userHome.ts"

/** Folders that a new clone does not have. */
const ignored = new Set([".git", "dist", "node_modules", "output", "types"])

/** A copy of this folder, with the packages already installed. */
const clone = async (folder: string) => {
  await mkdir(folder)
  for (const name of await readdir(root)) {
    if (!ignored.has(name)) await cp(join(root, name), join(folder, name), { recursive: true })
  }
  await symlink(join(root, "node_modules"), join(folder, "node_modules"))
}

/** `bun` is the one that runs this file, and npm has nothing else. */
const programs = {
  npm: '#!/bin/bash\n[ "$*" = "install --global bun@1.4.5" ] || { echo "npm $*" >&2; exit 1; }\n',
  npx: '#!/bin/bash\n[ "$1 $2" = "-y bun@1.4.5" ] || { echo "npx $*" >&2; exit 1; }\nexec bun "${@:3}"\n'
}

/** What the models of pages answer. */
const model = async () => {
  const mock = new LLMock({ port: 11434, host: "127.0.0.1" })
  mock.addFixture({
    match: { model: "llama3.2" },
    response: { content: "A tide pool is sea water that stays between rocks." }
  })
  await mock.start()
  return mock
}

/** Starts the entry of Claude Desktop as that does, and calls a tool. */
const callEntry = async (file: string, env: Record<string, string>) => {
  const { mcpServers } = (await Bun.file(file).json()) as {
    readonly mcpServers: { readonly manifold: { readonly command: string; readonly args: Array<string> } }
  }
  const client = new Client(info)
  await client.connect(new StdioClientTransport({ ...mcpServers.manifold, env, stderr: "ignore" }))
  const result = await client.callTool({ name: "math.add", arguments: { a: 2, b: 3 } })
  await client.close()
  if (!Bun.deepEquals(result.structuredContent, { result: 5 })) throw new Error(JSON.stringify(result))
}

/** A command that runs until `stop`; waits until it shows the output. */
const start = async (script: string, output: string, env: Record<string, string>, cwd: string) => {
  const child = Bun.spawn(["bash", "-euc", `${script.trim()} 2>&1`], {
    cwd,
    env: { ...process.env, ...env },
    // A process group, so that the commands of the shell end with it.
    detached: true,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit"
  })
  const stop = async () => {
    if (child.exitCode === null) process.kill(-child.pid, "SIGTERM")
    await child.exited
  }
  let shown = ""
  const decoder = new TextDecoder()
  const isReady = new RegExp(pattern(output).source.slice(1, -1))
  const reader = child.stdout.getReader()
  while (!isReady.test(shown)) {
    const { done, value } = await reader.read()
    if (done) throw new Error(`ended with ${await child.exited}: ${script}\n${shown}`)
    shown += decoder.decode(value, { stream: true })
  }
  reader.releaseLock()
  return stop
}

/** Follows a page in a home folder, from the clone in it. */
const follow = async (page: string, dir: string, env: Record<string, string>) => {
  const saved = join(dir, ".saved")
  await mkdir(saved)
  await Bun.write(join(saved, "env"), "")
  await Bun.write(join(saved, "cwd"), join(dir, "manifold"))
  const cwd = async () => (await Bun.file(join(saved, "cwd")).text()).trim()
  /** A terminal keeps its variables and its folder from one block to the next. */
  const inTerminal = (script: string) =>
    `. "${saved}/env"\n${script}\nexport -p >"${saved}/env"\npwd >"${saved}/cwd"\n`
  const stops: Array<() => Promise<void>> = []
  try {
    for (const step of stepsOf(page)) {
      if (step.kind === "file") await Bun.write(join(await cwd(), step.name), step.text)
      if (step.kind === "service") {
        const script = `. "${saved}/env"\n${step.script}`
        stops.push(await start(script, step.output, env, await cwd()))
      }
      if (step.kind === "command") {
        console.log(step.script.trim())
        const output = (await bash(inTerminal(step.script), env, await cwd())).trim()
        if (step.output !== undefined && !pattern(step.output).test(output)) {
          throw new Error(`shown:\n${step.output}\nprinted:\n${output}\nby:\n${step.script}`)
        }
      }
    }
  } finally {
    for (const stop of stops) await stop()
  }
}

/** Follows the page in a home folder where Claude Desktop is installed. */
export const followPage = (name: string) =>
  Effect.gen(function* () {
    const user = yield* home({ ".config/Claude/started": "", ...programsIn(".programs") })
    yield* Effect.promise(async () => {
      for (const program of Object.keys(programs)) await chmod(user.path(`.programs/${program}`), 0o755)
      await symlink(process.execPath, user.path(".programs/bun"))
      await clone(user.path("manifold"))
      const env = {
        ...user.env,
        BUN_INSTALL_CACHE_DIR: join(homedir(), ".bun/install/cache"),
        PATH: `${user.path(".programs")}:${process.env["PATH"]}`
      }
      const page = await Bun.file(`${root}${name}`).text()
      const mock = page.includes(":11434/") ? await model() : undefined
      await follow(page, user.dir, env)
      await mock?.stop()
      const entry = user.path(".config/Claude/claude_desktop_config.json")
      if (await Bun.file(entry).exists()) await callEntry(entry, env)
    })
  }).pipe(Effect.scoped)

const programsIn = (folder: string) =>
  Object.fromEntries(Object.entries(programs).map(([name, text]) => [`${folder}/${name}`, text]))

if (import.meta.main) await Effect.runPromise(followPage(Bun.argv[2] ?? ""))
