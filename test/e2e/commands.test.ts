/** `run_command` on the real service: sandbox, limits, injection, floods, fork bombs, approval, and audit rows before and after. */
import { describe, expect } from "bun:test"
import { mkdir, readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Client, type ElicitResult, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Effect, Fiber } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { audited, storedRows, verified } from "../support/audit.ts"
import { admin, call, problem, run, served, user } from "../support/commands.ts"
import { stateFolder } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { gone, processesWith } from "../support/processes.ts"
import { bearer } from "../support/rest.ts"
import { endpoint, initialize } from "../support/service.ts"
import { startStdio } from "../support/stdio.ts"

/** Seconds of processes that no other run of this file has, before their last digit. */
const unique = `7${String(process.pid).padStart(7, "0")}`

const sh = (script: string, more: Record<string, unknown> = {}) => ({ run: ["sh", "-c", script], ...more })

const within = <A, E, R>(commands: Record<string, unknown>, body: Effect.Effect<A, E, R>, config = {}) =>
  Effect.flatMap(served(commands, config), (context) => Effect.provideContext(body, context))

const rows = Effect.gen(function* () {
  yield* (yield* Audit).flush
  const found = (yield* storedRows).filter(({ action }) => action === "command.run")
  return found.map(({ details, outcome, subject, target }) => ({
    subject,
    target,
    outcome,
    details: JSON.parse(details) as Readonly<Record<string, unknown>>
  }))
})

describe("run_command", () => {
  it.live("runs a named command, and has a row in the audit log before and after", () =>
    within(
      {
        named: {
          "disk free": { run: ["df", "-P", "{path}"], arguments: [{ name: "path" }] },
          fail: sh("echo no >&2; exit 3")
        }
      },
      Effect.gen(function* () {
        const found = yield* run("disk free /")
        expect(found).toMatchObject({ command: "disk free", exit_code: 0, ended: "exited", truncated: false })
        expect(found.stdout).toContain("Mounted on")
        expect(yield* run("fail")).toMatchObject({ exit_code: 3, stderr: "no\n", stdout: "" })
        expect(yield* problem("disk free /;id")).toContain("path must have")
        expect(yield* problem("rm -rf /")).toContain("Commands: disk free <path>; fail")
        const written = yield* rows
        expect(written.filter(({ outcome }) => outcome === "started")).toMatchObject([
          { subject: "admin", target: "disk free", details: { arguments: { argv: ["df", "-P", "/"] } } },
          { target: "fail" }
        ])
        expect(written.filter(({ outcome }) => outcome !== "started")).toMatchObject([
          { target: "disk free", outcome: "succeeded", details: { exit_code: 0 } },
          { target: "fail", outcome: "failed", details: { exit_code: 3 } },
          {
            target: "",
            outcome: "refused",
            details: { error: "invalid", arguments: { argv: ["disk free /;id"] } }
          },
          { target: "", outcome: "refused", details: { error: "unknown" } }
        ])
      }),
      { audit: { arguments: "redacted" } }
    )
  )

  it.live("does not exist for callers without the scope admin, and the attempt has a row", () =>
    within(
      { named: { id: { run: ["id"] } } },
      Effect.gen(function* () {
        expect(yield* problem("id", user)).toContain("run_command")
        yield* (yield* Audit).flush
        expect((yield* storedRows).at(-1)).toMatchObject({
          subject: "user",
          action: "tool.call",
          target: "run_command",
          outcome: "refused"
        })
      })
    )
  )

  it.live("passes arguments as they are, and rejects those with a NUL byte or a line break", () =>
    within(
      { named: { say: { run: ["printf", "%s|", "{a}"], arguments: [{ name: "a", pattern: ".*" }] } } },
      Effect.gen(function* () {
        for (const text of [
          "; rm -rf /",
          "$(id)",
          "`id`",
          "&& id",
          "| id",
          "> /tmp/x",
          "%s %n",
          "*",
          "a\\nb",
          "$& $1"
        ]) {
          expect((yield* run(`say "${text}"`)).stdout).toBe(`${text}|`)
        }
        for (const text of ["a\u0000b", "a\nb", `a\r\n{"level":"error"}`]) {
          expect(yield* problem(`say "${text}"`)).toContain("control character")
        }
        expect(yield* problem({ toString: "x" })).toContain("command")
      })
    )
  )

  it.live("shows the command no variables, secrets or files of the service", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const secret = "s3cr3t-value-of-a-variable"
      yield* Effect.promise(() => writeFile(join(dir, "manifold.yaml"), secret))
      yield* within(
        {
          named: {
            env: { run: ["env"], env: { API_KEY: secret } },
            file: { run: ["cat", join(dir, "manifold.yaml")] },
            init: { run: ["cat", "/proc/1/environ"] },
            net: sh("cat /proc/net/dev | tail -n +3 | cut -d: -f1"),
            who: { run: ["id", "-u"] },
            opened: { run: ["cat", "{path}"], arguments: [{ name: "path" }], read: [dir] },
            touch: sh(`echo x > ${join(dir, "x")}`, { read: [dir] }),
            written: sh(`echo x > ${join(dir, "y")}`, { write: [dir] })
          }
        },
        Effect.gen(function* () {
          process.env["MANIFOLD_TEST_LEAK"] = "leaked"
          const { sandboxed, stdout } = yield* run("env")
          expect(stdout).not.toContain("leaked")
          expect(stdout).toContain("API_KEY=<redacted>")
          expect(stdout).not.toContain(secret)
          if (!sandboxed) return
          expect((yield* run("file")).exit_code).toBe(1)
          expect((yield* run("init")).stdout).not.toContain("MANIFOLD")
          expect((yield* run("net")).stdout.trim()).toBe("lo")
          if (process.getuid?.() === 0) return
          expect((yield* run(`opened ${join(dir, "manifold.yaml")}`)).stdout).toBe(secret)
          expect((yield* run("touch")).exit_code).not.toBe(0)
          expect((yield* run("written")).exit_code).toBe(0)
        })
      )
    })
  )

  it.live("ends a command that ignores SIGTERM, with all its descendants", () =>
    within(
      {
        named: {
          stuck: sh(
            `trap '' TERM; sleep ${unique}1 & (trap '' TERM; setsid sleep ${unique}2) & sleep ${unique}3`,
            {
              timeout: "500 millis"
            }
          ),
          left: sh(`sleep ${unique}4 & echo done`)
        }
      },
      Effect.gen(function* () {
        const began = performance.now()
        const stuck = yield* run("stuck")
        expect(stuck).toMatchObject({ exit_code: null, ended: "timeout" })
        expect(performance.now() - began).toBeLessThan(5000)
        yield* gone(stuck.sandboxed ? `sleep\u0000${unique}` : `sleep\u0000${unique}3`)
        expect(yield* run("left")).toMatchObject({ exit_code: 0, stdout: "done\n" })
        yield* gone(`sleep\u0000${unique}4`)
      })
    )
  )

  it.live("ends a command whose caller disconnects", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      yield* within(
        { named: { wait: sh(`echo > ${join(dir, "begun")}; sleep ${unique}5`, { sandbox: "off" }) } },
        Effect.gen(function* () {
          const calling = yield* Effect.forkScoped(
            Effect.scoped(
              Effect.flatMap(Effect.abortSignal, (signal) => Effect.exit(call("wait", undefined, signal)))
            )
          )
          yield* Effect.repeat(
            Effect.promise(() => readdir(dir)),
            { until: (files) => files.includes("begun") }
          )
          yield* Fiber.interrupt(calling)
          yield* gone(`sleep\u0000${unique}5`)
          const ended = Effect.map(rows, (found) => found.map(({ outcome }) => outcome))
          yield* Effect.repeat(ended, { until: (found) => found.includes("interrupted") })
        })
      )
    })
  )

  it.live(
    "leaves no command behind if the service is killed, and the rows before it are in the audit log",
    () =>
      Effect.gen(function* () {
        const dir = yield* stateFolder
        const begun = join(dir, "begun")
        const config = {
          storage: { dir },
          commands: {
            named: {
              open: sh(`echo > ${begun}; sleep ${unique}6`, { sandbox: "off" }),
              boxed: sh(`sleep ${unique}7`, { timeout: "1 minute" })
            }
          }
        }
        const { child, next, send } = yield* startStdio({ MCP_CONFIG_JSON: JSON.stringify(config) })
        yield* send(initialize())
        yield* next
        yield* send({ jsonrpc: "2.0", method: "notifications/initialized" })
        for (const [id, command] of ["open", "boxed"].entries()) {
          yield* send({
            jsonrpc: "2.0",
            id: id + 1,
            method: "tools/call",
            params: { name: "run_command", arguments: { command } }
          })
        }
        for (const text of [`sleep\u0000${unique}6`, `sleep\u0000${unique}7`]) {
          yield* Effect.repeat(processesWith(text), { until: (found) => found.length > 0 })
        }
        child.kill("SIGKILL")
        yield* gone(`sleep\u0000${unique}6`)
        yield* gone(`sleep\u0000${unique}7`)
        const stored = yield* Effect.provide(storedRows, audited({ dir }))
        expect(stored.map(({ outcome, target }) => `${target} ${outcome}`).toSorted()).toEqual([
          "boxed started",
          "open started"
        ])
        expect(yield* Effect.provide(verified, audited({ dir }))).toMatchObject({ status: "intact" })
      })
  )

  it.live("bounds the output, which is valid UTF-8", () =>
    within(
      {
        named: {
          much: sh("head -c 5000000 /dev/zero | tr '\\0' 'x'"),
          yes: { run: ["yes"], max_output_bytes: 1024 },
          binary: { run: ["head", "-c", "3000", "/dev/urandom"] },
          cut: sh("printf '%01023d\\303\\244'", { max_output_bytes: 1024 })
        }
      },
      Effect.gen(function* () {
        const much = yield* run("much")
        expect({ length: much.stdout.length, truncated: much.truncated }).toEqual({
          length: 65_536,
          truncated: true
        })
        const yes = yield* run("yes")
        expect(yes).toMatchObject({ ended: "output", exit_code: null, truncated: true })
        expect(yes.stdout).toHaveLength(1024)
        expect((yield* run("binary")).stdout.isWellFormed()).toBe(true)
        expect((yield* run("cut")).stdout).toBe("0".repeat(1023))
      })
    )
  )

  it.live("contains fork bombs, memory and files", () =>
    within(
      {
        named: {
          bomb: sh("b() { b | b & }; b; sleep 1; echo survived", {
            timeout: "3 seconds",
            max_processes: 32,
            sandbox: "required"
          }),
          memory: sh("head -c 3000000000 /dev/zero | tail > /dev/null", { max_memory_bytes: 268_435_456 }),
          file: sh("head -c 100000000 /dev/zero > /tmp/big; ls -l /tmp/big | wc -l", { sandbox: "required" })
        }
      },
      Effect.gen(function* () {
        const refused = yield* call("file")
        if (JSON.stringify(refused).includes("Install bubblewrap")) return
        const bomb = yield* run("bomb")
        expect(bomb.stderr).toContain("fork")
        yield* gone("b() { b | b & }")
        expect((yield* run("memory")).stderr).toMatch(/memory|exhausted/i)
        expect((yield* run("file")).stderr).toMatch(/too large|size limit/i)
      })
    )
  )

  it.live("runs only as many commands at the same time as configured", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const gate = join(dir, "open")
      yield* within(
        {
          max_running: 1,
          named: {
            wait: sh(`until [ -e ${gate} ]; do sleep 0.05; done`, { sandbox: "off" }),
            id: { run: ["id"] }
          }
        },
        Effect.gen(function* () {
          yield* Effect.forkScoped(run("wait"))
          yield* Effect.repeat(rows, { until: (found) => found.length === 1 })
          expect(yield* problem("id")).toContain("raise commands.max_running")
          yield* Effect.promise(() => mkdir(gate))
          yield* Effect.repeat(rows, {
            until: (found) => found.some(({ outcome }) => outcome === "succeeded")
          })
          expect((yield* run("id")).exit_code).toBe(0)
        })
      )
    })
  )

  it.live("does not run a command that the audit log cannot record", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const storage = { dir, postgres_url: "postgres://someone@127.0.0.1:1/nothing" }
      yield* within(
        { named: { touch: sh(`echo > ${join(dir, "made")}`, { sandbox: "off" }) } },
        Effect.gen(function* () {
          expect(yield* problem("touch")).toContain("cannot be recorded")
          expect(yield* Effect.promise(() => readdir(dir))).not.toContain("made")
        }),
        { storage }
      )
    })
  )

  it.live("asks the user about commands that need approval", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      yield* within(
        {
          named: {
            mark: {
              run: ["touch", "--", join(dir, "{name}")],
              arguments: [{ name: "name" }],
              approval: true,
              sandbox: "off"
            }
          }
        },
        Effect.gen(function* () {
          expect(yield* problem("mark without")).toContain("supports elicitation")
          const questions: Array<string> = []
          const answered = (name: string, content: ElicitResult) =>
            Effect.gen(function* () {
              const url = yield* endpoint
              const client = new Client({ name: "test", version: "1" }, { capabilities: { elicitation: {} } })
              client.setRequestHandler("elicitation/create", async ({ params }) => {
                questions.push(params.message)
                return content
              })
              const transport = new StreamableHTTPClientTransport(url, {
                requestInit: { headers: bearer(admin) }
              })
              yield* Effect.acquireRelease(
                Effect.promise(() => client.connect(transport)),
                () => Effect.promise(() => client.close())
              )
              return yield* Effect.promise(() =>
                client.callTool({ name: "run_command", arguments: { command: `mark ${name}` } })
              )
            })
          expect(yield* answered("declined", { action: "decline" })).toMatchObject({ isError: true })
          expect(yield* answered("no", { action: "accept", content: { approve: false } })).toMatchObject({
            isError: true
          })
          expect(yield* answered("yes", { action: "accept", content: { approve: true } })).toMatchObject({
            structuredContent: { exit_code: 0 }
          })
          expect(questions.at(-1)).toContain("mark yes")
          expect((yield* Effect.promise(() => readdir(dir))).filter((name) => !name.includes("."))).toEqual([
            "yes"
          ])
          expect((yield* rows).map(({ details, outcome }) => details["error"] ?? outcome).toSorted()).toEqual(
            ["declined", "declined", "started", "succeeded", "unapproved"]
          )
        })
      )
    })
  )

  it.live("says what to correct if the program is missing or nothing is configured", () =>
    Effect.gen(function* () {
      yield* within(
        { named: { missing: { run: ["/no/such/program"], sandbox: "off" } } },
        Effect.gen(function* () {
          const found = yield* call("missing")
          expect(JSON.stringify(found)).toMatch(/cannot be started|"exit_code":127/)
        })
      )
      yield* within(
        {},
        Effect.gen(function* () {
          expect(yield* problem("docker ps")).toContain("Add commands to the section commands")
        })
      )
    })
  )
})
