/** Definitions of the system service for each platform; systemd's own checker reads the units where it is installed. */
import { describe, expect, test } from "bun:test"
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { decodeXML } from "entities"
import type { Daemon } from "../../../layers/daemon/Daemon.ts"
import { type Find, findDaemon } from "../../../layers/daemon/findDaemon.ts"
import { configOf } from "../../../layers/daemon/systemdUnit.ts"
import { type Element, elements } from "../../../layers/decks/file/xmlTree.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Machine } from "../../../layers/platform/Machine.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { it } from "../../support/effect.ts"

type Given = Partial<Machine["Service"]>

const find = (machine: Given, variables: Record<string, string> = {}, given: Partial<Find> = {}) =>
  findDaemon({ user: false, config: undefined, ...given }).pipe(
    Effect.provide(
      Layer.mergeAll(Platform.layer, Machine.layerTest(machine), Environment.layerTest(variables))
    )
  )

const linux = { HOME: "/home/ada", PATH: "/usr/bin:/opt/node/bin" }

const linesOf = ({ text }: Daemon) => text.split("\n")

/** Output of systemd-analyze about a unit; empty if it has no complaint. */
const analyze = async (text: string, ...args: ReadonlyArray<string>) => {
  const folder = await mkdtemp(join(tmpdir(), "manifold-unit-"))
  const file = join(folder, "manifold.service")
  await writeFile(file, text)
  const child = Bun.spawn(["systemd-analyze", ...args, file], { stdout: "pipe", stderr: "pipe" })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  await rm(folder, { recursive: true })
  return { code, output: `${stdout}${stderr}` }
}

/** The first element of the document, and its path of children. */
const elementOf = (text: string, ...names: ReadonlyArray<string>) =>
  names.reduce<Element | undefined>(
    (element, name) => element?.children.find((child) => child.name === name),
    elements(text)[0]
  )

const textsOf = (element: Element | undefined) => element?.children.map(({ text }) => decodeXML(text))

const withoutSystemd = Bun.which("systemd-analyze") === null

describe("the unit of the system", () => {
  it.effect("serves HTTP with its own user, state folder and environment file", () =>
    Effect.gen(function* () {
      const daemon = yield* find({})
      expect(daemon.file).toBe("/etc/systemd/system/manifold.service")
      const lines = linesOf(daemon)
      for (const line of [
        "ExecStart=/usr/local/bin/manifold serve --http",
        "Environment=XDG_CONFIG_HOME=/etc",
        "EnvironmentFile=-/etc/manifold/environment",
        "DynamicUser=yes",
        "StateDirectory=manifold",
        "KillMode=mixed"
      ]) {
        expect(lines).toContain(line)
      }
    })
  )

  it.effect("names the file of --config", () =>
    Effect.gen(function* () {
      const daemon = yield* find({}, {}, { config: "/srv/our 100%/manifold.yaml" })
      expect(linesOf(daemon)).toContain('Environment="MCP_CONFIG_PATH=/srv/our 100%%/manifold.yaml"')
      expect(daemon.text).not.toContain("XDG_CONFIG_HOME")
    })
  )

  it.effect("runs other commands with the same user and configuration", () =>
    Effect.gen(function* () {
      const file = String.raw`/srv/100% "our"\manifold.yaml`
      const { runAs, text } = yield* find({}, {}, { config: file })
      expect(configOf(text)).toBe(file)
      const argv = runAs?.(["manifold", "token", "list"]) ?? []
      expect(argv).toContain(`--setenv=MCP_CONFIG_PATH=${file}`)
      expect(argv.slice(-4)).toEqual(["--", "manifold", "token", "list"])
      const usual = yield* find({})
      expect(configOf(usual.text)).toBeUndefined()
      expect(usual.runAs?.(["manifold"])).toContain("--setenv=XDG_CONFIG_HOME=/etc")
    })
  )

  test.skipIf(withoutSystemd)("passes systemd-analyze verify, also with an awkward path", async () => {
    const folder = await mkdtemp(join(tmpdir(), "manifold-program-"))
    const program = join(folder, "a b%d$HOME é", "manifold")
    await mkdir(join(program, ".."))
    await writeFile(program, "#!/bin/sh\n")
    await chmod(program, 0o755)
    const daemon = await Effect.runPromise(
      find({ launch: { command: program, args: ['a "b" \\', "${x}", "50%"] } })
    )
    const { code, output } = await analyze(daemon.text, "verify", "--man=no")
    await rm(folder, { recursive: true })
    expect(output).toBe("")
    expect(code).toBe(0)
  })

  test.skipIf(withoutSystemd)("has an exposure of at most 1.6 in systemd-analyze security", async () => {
    const daemon = await Effect.runPromise(find({}))
    const { code, output } = await analyze(daemon.text, "security", "--offline=true", "--threshold=16")
    expect(output).toContain("Overall exposure level for manifold.service: 1.")
    expect(code).toBe(0)
  })
})

describe("the unit of a user", () => {
  it.effect("is in the user's folder, with the user's search path and no sandbox that needs privileges", () =>
    Effect.gen(function* () {
      const daemon = yield* find({}, linux, { user: true })
      expect(daemon.file).toBe("/home/ada/.config/systemd/user/manifold.service")
      expect(linesOf(daemon)).toContain('Environment="PATH=/usr/bin:/opt/node/bin"')
      expect(daemon.text).not.toMatch(/^(DynamicUser|Protect|Private|CapabilityBoundingSet)/m)
      expect(daemon.start.map(({ argv }) => argv.join(" "))).toEqual([
        "systemctl --user daemon-reload",
        "systemctl --user enable manifold.service",
        "systemctl --user restart manifold.service"
      ])
      const moved = yield* find({}, { ...linux, XDG_CONFIG_HOME: "/data/config" }, { user: true })
      expect(moved.file).toBe("/data/config/systemd/user/manifold.service")
    })
  )

  test.skipIf(withoutSystemd)("has only settings that systemd knows", async () => {
    const launch = { command: "/bin/true", args: [] }
    const daemon = await Effect.runPromise(find({ launch }, linux, { user: true }))
    // Without --user, because the manager of a user needs a session.
    const { code, output } = await analyze(daemon.text, "verify", "--man=no")
    expect({ code, output }).toEqual({ code: 0, output: "" })
  })
})

describe("the launchd agent", () => {
  const mac = { HOME: "/Users/ada", PATH: "/opt/homebrew/bin:/usr/bin" }

  it.effect("is a property list that starts at login and restarts after a failure", () =>
    Effect.gen(function* () {
      const launch = { command: "/Applications/A & B/manifold", args: [] }
      const daemon = yield* find({ os: "darwin", uid: 501, launch }, mac, {
        user: true,
        config: "/a<b>.yaml"
      })
      expect(daemon.file).toBe("/Users/ada/Library/LaunchAgents/manifold.plist")
      expect(daemon.start.map(({ argv }) => argv.join(" "))).toEqual([
        "launchctl bootout gui/501/manifold",
        "launchctl bootstrap gui/501 /Users/ada/Library/LaunchAgents/manifold.plist"
      ])
      const dict = elementOf(daemon.text, "dict")
      const keys = dict?.children.filter(({ name }) => name === "key").map(({ text }) => text)
      expect(keys).toEqual([
        "Label",
        "ProgramArguments",
        "EnvironmentVariables",
        "RunAtLoad",
        "KeepAlive",
        "ThrottleInterval",
        "ExitTimeOut",
        "Umask",
        "ProcessType",
        "StandardErrorPath"
      ])
      expect(textsOf(elementOf(daemon.text, "dict", "array"))).toEqual([
        "/Applications/A & B/manifold",
        "serve",
        "--http",
        "--log-file",
        "/Users/ada/Library/Logs/manifold.log"
      ])
      expect(textsOf(elementOf(daemon.text, "dict", "dict"))).toEqual([
        "MCP_CONFIG_PATH",
        "/a<b>.yaml",
        "PATH",
        "/opt/homebrew/bin:/usr/bin"
      ])
    })
  )

  it.effect("reads the state that launchctl prints", () =>
    Effect.gen(function* () {
      const { readState } = yield* find({ os: "darwin" }, mac, { user: true })
      expect(readState("gui/501/manifold = {\n\tstate = running\n\tpid = 4\n}")).toBe("active")
      expect(readState("x = {\n\tstate = not running\n\tlast exit code = 1\n}")).toBe("failed")
      expect(readState("x = {\n\tstate = not running\n\tlast exit code = 0\n}")).toBe("inactive")
      expect(readState("x = {\n\tstate = not running\n\tlast exit code = (never exited)\n}")).toBe("inactive")
      expect(readState("")).toBe("inactive")
    })
  )

  it.effect("belongs to a user", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(find({ os: "darwin" }, mac))
      expect(error).toMatchObject({ reason: "unsupported" })
      expect(error.message).toContain("Pass --user")
    })
  )
})

describe("the scheduled task", () => {
  const windows = {
    USERPROFILE: String.raw`C:\Users\ada`,
    LOCALAPPDATA: String.raw`C:\Users\ada\AppData\Local`,
    ProgramData: String.raw`C:\ProgramData`,
    USERNAME: "ada",
    USERDOMAIN: "LAB"
  }
  const launch = { command: String.raw`C:\Program Files\manifold\manifold.exe`, args: [] }

  const textOf = (daemon: Daemon, ...names: ReadonlyArray<string>) =>
    decodeXML(elementOf(daemon.text, ...names)?.text ?? "")

  it.effect("of a user starts at logon, as that user", () =>
    Effect.gen(function* () {
      const config = String.raw`C:\my files\manifold.yaml`
      const daemon = yield* find({ os: "win32", launch }, windows, { user: true, config })
      expect(daemon.file).toBe(String.raw`C:\Users\ada\AppData\Local\manifold\manifold-task.xml`)
      expect(textOf(daemon, "Actions", "Exec", "Command")).toBe(launch.command)
      expect(textOf(daemon, "Actions", "Exec", "Arguments")).toBe(
        String.raw`serve --http --log-file C:\Users\ada\AppData\Local\manifold\manifold.log --config "C:\my files\manifold.yaml"`
      )
      expect(textOf(daemon, "Triggers", "LogonTrigger", "UserId")).toBe(String.raw`LAB\ada`)
      expect(textOf(daemon, "Principals", "Principal", "UserId")).toBe(String.raw`LAB\ada`)
      expect(textOf(daemon, "Settings", "ExecutionTimeLimit")).toBe("PT0S")
    })
  )

  it.effect("of the system starts at boot, as LocalService", () =>
    Effect.gen(function* () {
      const daemon = yield* find({ os: "win32", launch }, windows)
      expect(daemon.file).toBe(String.raw`C:\ProgramData\manifold\manifold-task.xml`)
      expect(textOf(daemon, "Triggers", "BootTrigger", "Enabled")).toBe("true")
      expect(textOf(daemon, "Principals", "Principal", "UserId")).toBe("S-1-5-19")
      expect(daemon.readState("Running\r\n")).toBe("active")
      expect(daemon.readState("Ready\r\n")).toBe("inactive")
      expect(daemon.readState("")).toBe("unknown")
    })
  )

  it.effect("quotes arguments as Windows splits them", () =>
    Effect.gen(function* () {
      const args = ["plain", "", 'say "hi"', "ends with \\", String.raw`back\" slash`]
      const daemon = yield* find({ os: "win32", launch: { command: "m.exe", args } }, windows)
      expect(textOf(daemon, "Actions", "Exec", "Arguments")).toStartWith(
        String.raw`plain "" "say \"hi\"" "ends with \\" "back\\\" slash" serve`
      )
    })
  )
})

it.effect("a platform without a known service manager is an error", () =>
  Effect.gen(function* () {
    expect((yield* Effect.flip(find({ os: "freebsd" }))).message).toContain("freebsd")
    expect((yield* Effect.flip(find({}, {}, { user: true }))).message).toContain("Set HOME")
  })
)
