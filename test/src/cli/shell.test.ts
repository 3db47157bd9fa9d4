/** The command line in a shell: completions, closed pipes, colors, signals, invalid usage, and the flags of `serve`. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { Effect, Queue } from "effect"
import { appendFile, cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "../../support/effect.ts"
import { program } from "../../support/program.ts"
import { home } from "../../support/userHome.ts"
import { manifold } from "../../support/stdio.ts"

const root = new URL("../../../", import.meta.url).pathname

const run = async (command: ReadonlyArray<string>, env: Record<string, string> = {}) => {
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...env }
  })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { stdout, stderr, code }
}

describe("shell completions", () => {
  let folder = ""
  const scripts = ["bash", "zsh", "fish"] as const

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "manifold-shell-"))
    for (const shell of scripts) {
      const { code, stdout } = await run([...program, "--completions", shell])
      expect(code).toBe(0)
      await writeFile(join(folder, shell), stdout)
    }
  }, 30_000)
  afterAll(() => rm(folder, { recursive: true }))

  /** Completions that bash offers for the last word. */
  const inBash = async (...words: ReadonlyArray<string>) => {
    const script = `source "$1"; shift
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=\${#COMP_LINE}
      _manifold "$1" "\${@: -1}" "\${@: -2:1}"
      printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr } = await run(["bash", "-c", script, "bash", join(folder, "bash"), ...words])
    expect(stderr).toBe("")
    return stdout.trim().split("\n")
  }

  test("work in bash", async () => {
    expect(await inBash("manifold", "")).toEqual(
      expect.arrayContaining(["serve", "call", "list", "install", "doctor"])
    )
    expect(await inBash("manifold", "inst")).toEqual(["install"])
    expect(await inBash("manifold", "install", "claude")).toEqual(["claude-desktop", "claude-code"])
    expect(await inBash("manifold", "list", "")).toEqual(["tools", "prompts", "resources"])
    expect(await inBash("manifold", "serve", "--po")).toEqual(["--port"])
  })

  test.skipIf(Bun.which("fish") === null)("work in fish", async () => {
    const offered = async (line: string) => {
      const { stdout } = await run(["fish", "-N", "-c", `source ${folder}/fish; complete -C '${line}'`])
      return stdout
        .trim()
        .split("\n")
        .map((each) => each.split("\t")[0])
    }
    expect(await offered("manifold inst")).toEqual(["install"])
    expect(await offered("manifold install v")).toEqual(["vscode"])
  })

  test.skipIf(Bun.which("zsh") === null)("load in zsh", async () => {
    const script = `autoload -U compinit && compinit -D -u && source ${folder}/zsh && print $_comps[manifold]`
    expect(await run(["zsh", "-f", "-c", script])).toEqual({ stdout: "_manifold\n", stderr: "", code: 0 })
  })
})

test("a reader that closes the pipe early causes no error", async () => {
  const big = `{"message":"${"x".repeat(100_000)}"}`
  for (const words of ["list tools --json", "--help", "call echo -"]) {
    const script = `printf %s "$BIG" | "$@" ${words} | head -c 1 >/dev/null; echo "\${PIPESTATUS[1]}"`
    const found = await run(["bash", "-c", script, "bash", ...program], { BIG: big })
    expect(found).toEqual({ stdout: "0\n", stderr: "", code: 0 })
  }
}, 20_000)

/** The output on a terminal. */
const shown = async (words: ReadonlyArray<string>, env: Record<string, string> = {}) => {
  let text = ""
  const child = Bun.spawn([...program, ...words], {
    env: { ...process.env, TERM: "xterm", NO_COLOR: "", ...env },
    terminal: { data: (_, bytes) => void (text += new TextDecoder().decode(bytes)) }
  })
  await child.exited
  return text
}

test("output is colored on terminals only, and NO_COLOR disables colors", async () => {
  for (const words of [["--help"], ["doctor"]]) {
    expect(await shown(words)).toContain("\u001b[")
    expect(await shown(words, { NO_COLOR: "1" })).not.toContain("\u001b[")
    expect((await run([...program, ...words])).stdout).not.toContain("\u001b[")
  }
}, 20_000)

test("on a terminal the service prints its URL without the color of errors, and Ctrl-C stops it", async () => {
  let text = ""
  const child = Bun.spawn([...program, "serve", "--http", "--port", "0"], {
    env: { ...process.env, TERM: "xterm", NO_COLOR: "", MCP_CONFIG_JSON: "{}" },
    terminal: {
      data: (terminal, bytes) => {
        const before = text.includes("Ctrl-C")
        text += new TextDecoder().decode(bytes)
        if (!before && text.includes("Ctrl-C")) terminal.write("\u0003")
      }
    }
  })
  expect(await child.exited).toBe(0)
  expect(text).toContain("manifold serves MCP at http://127.0.0.1:")
  expect(text).not.toContain("\u001b[31m")
}, 20_000)

test("a second signal ends a draining service at once", async () => {
  const config = { server: { port: 0, drain_delay: "1 hour" }, logging: { level: "info" } }
  const child = Bun.spawn([...program, "serve", "--http"], {
    env: { ...process.env, MCP_CONFIG_JSON: JSON.stringify(config) },
    stdout: "pipe",
    stderr: "ignore"
  })
  let log = ""
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    log += chunk
    if (log.includes('"stopping"')) child.kill("SIGINT")
    else if (log.includes('"listening"')) child.kill("SIGTERM")
  }
  expect(log).toContain('"stopping"')
  expect(await child.exited).toBe(130)
})

for (const words of [
  ["serve", "--http", "--config"],
  ["--config", "", "serve", "--http"]
]) {
  test(`a service that is stopped exits with 0, wherever --config is: ${words.join(" ")}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "manifold-"))
    const file = join(folder, "named.yaml")
    await writeFile(file, "server: { port: 0 }\nlogging: { level: info }\n")
    const at = words.indexOf("--config") + 1
    const child = Bun.spawn([...program, ...words.toSpliced(at, 1, file)], {
      env: { ...process.env, MCP_CONFIG_JSON: "", MANIFOLD_STORAGE_DIR: folder },
      stdout: "pipe",
      stderr: "ignore"
    })
    let log = ""
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const before = log.includes('"listening"')
      log += chunk
      if (!before && log.includes('"listening"')) child.kill("SIGTERM")
    }
    expect(await child.exited).toBe(0)
    expect(log).toContain(`"configuration":"${file}"`)
    await rm(folder, { recursive: true })
  })
}

describe("invalid usage exits with 2 and explains the error on standard error", () => {
  const cases: ReadonlyArray<readonly [words: ReadonlyArray<string>, expected: string]> = [
    [["srve"], 'manifold: Unknown command "srve". Did you mean serve?'],
    [["serve", "--prt", "1"], "manifold: Unknown option --prt of manifold serve. Did you mean --port?"],
    [["serve", "--http", "--port", "many"], '--port: "many"'],
    [["call"], "manifold: Missing argument <tool>"],
    [["install"], "<client>"],
    [["list", "toolz"], '"tools" | "prompts" | "resources"'],
    [["list", "tools", "echo", "more"], 'Unexpected positional argument: "more"'],
    [["call", "math.add", "--arg"], "Expected: key=value"],
    [["call", "math.add", "/absent.json"], "Cannot read /absent.json: "],
    [["call", "math.add", "--arg", "a"], 'manifold: --arg expects key=value, got "a"'],
    [["call", "math.add", "--arg", "=1"], '"=1"'],
    [["call", "absent"], "`manifold list tools`"],
    [["prompt", "absent"], "`manifold list prompts`"],
    [["serve", "--http", "--port", "99999"], "manifold: --port must be between 0 and 65535, got 99999"],
    [["serve", "--port", "8000"], "manifold: --port requires --http"],
    [["serve", "--workers", "2"], "manifold: --workers requires --http"],
    [["serve", "--http", "--workers", "0"], "manifold: --workers must be between 1 and 64, got 0"],
    [["serve", "--reload"], "--reload"]
  ]
  for (const [words, expected] of cases) {
    it.live(`manifold ${words.join(" ")}`, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* manifold(words)
        expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
        expect(stderr).toContain(expected)
        expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(3)
      })
    )
  }
})

it.live(
  "every command prints help with examples on standard output",
  () =>
    Effect.forEach(
      [[], ["serve"], ["call"], ["list"], ["prompt"], ["config"], ["install"], ["doctor"]],
      (words) =>
        Effect.map(manifold([...words, "--help"]), ({ code, stderr, stdout }) => {
          expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
          expect(stdout).toContain("EXAMPLES")
        })
    ),
  20_000
)

/** Runs the program until the scope closes. Returns the lines of its standard error. */
const serving = (words: ReadonlyArray<string>, script: string) =>
  Effect.gen(function* () {
    const lines = yield* Queue.unbounded<string>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Bun.spawn([process.execPath, script, ...words], {
          stdin: "ignore",
          stdout: "ignore",
          stderr: "pipe"
        })
      ),
      (running) =>
        Effect.promise(() => {
          running.kill("SIGTERM")
          return running.exited
        })
    )
    const read = async () => {
      let buffer = ""
      for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
        buffer += chunk
        const parts = buffer.split("\n")
        buffer = parts.pop() ?? ""
        for (const part of parts) Queue.offerUnsafe(lines, part)
      }
    }
    yield* Effect.forkScoped(Effect.promise(read))
    return lines
  })

describe("manifold serve", () => {
  it.live("logs at level debug with --debug, whatever LOG_LEVEL is", () =>
    Effect.gen(function* () {
      // A response without a request is logged at level debug.
      const given = { stdin: '{"jsonrpc":"2.0","id":1,"result":{}}\n', env: { LOG_LEVEL: "none" } }
      expect((yield* manifold(["serve"], given)).stderr).toBe("")
      expect((yield* manifold(["serve", "--debug"], given)).stderr).toContain('"level":"debug"')
    })
  )

  it.live("writes the log to the file of --log-file or MANIFOLD_LOG_FILE as well", () =>
    Effect.gen(function* () {
      const user = yield* home()
      const stdin = '{"jsonrpc":"2.0","id":1,"result":{}}\n'
      const serve = (args: ReadonlyArray<string>, env: Record<string, string> = {}) =>
        manifold(["serve", "--debug", ...args], { stdin, cwd: user.dir, env: { ...user.env, ...env } })
      const { stderr } = yield* serve(["--log-file", "logs/service.log"])
      expect(yield* user.read("logs/service.log")).toBe(stderr)
      yield* serve([], { MANIFOLD_LOG_FILE: user.path("other.log") })
      expect(yield* user.read("other.log")).toContain('"level":"debug"')
      const relative = yield* serve([], { MANIFOLD_LOG_FILE: "other.log" })
      expect(relative.stderr).toContain(
        "logging.file: expected an absolute path or one under ~/ (MANIFOLD_LOG_FILE)"
      )
    })
  )

  it.live(
    "restarts with --reload when the source changes, and stops the service when it is stopped",
    () =>
      Effect.gen(function* () {
        const folder = yield* Effect.acquireRelease(
          Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-reload-"))),
          (dir) => Effect.promise(() => rm(dir, { recursive: true }))
        )
        yield* Effect.promise(async () => {
          for (const name of ["src", "layers", "package.json", "tsconfig.json"]) {
            await cp(join(root, name), join(folder, name), { recursive: true })
          }
          await symlink(join(root, "node_modules"), join(folder, "node_modules"))
        })
        const url = yield* Effect.scoped(
          Effect.gen(function* () {
            const lines = yield* serving(
              ["serve", "--http", "--port", "0", "--reload"],
              join(folder, "src/main.ts")
            )
            expect(yield* Queue.take(lines)).toContain("serves MCP at")
            yield* Effect.promise(() => appendFile(join(folder, "src/cli/serveHttp.ts"), "\n// changed\n"))
            const again = yield* Queue.take(lines)
            expect(again).toContain("serves MCP at")
            return /http:\S+\/mcp/.exec(again)?.[0] ?? ""
          })
        )
        expect(
          yield* Effect.promise(() =>
            fetch(url).then(
              () => "reachable",
              () => "unreachable"
            )
          )
        ).toBe("unreachable")
      }),
    30_000
  )
})
