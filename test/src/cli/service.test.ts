/** `manifold service` as a process, with a `systemctl` that records its arguments. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises"
import { it } from "../../support/effect.ts"
import { program } from "../../support/program.ts"
import { terminal } from "../../support/terminal.ts"
import { home } from "../../support/userHome.ts"

const unit = ".config/systemd/user/manifold.service"

/** A home with a `systemctl` whose answers are shell cases by its arguments after `--user`. */
const machine = (cases = "") =>
  Effect.gen(function* () {
    const user = yield* home({})
    const folder = user.path("bin")
    yield* Effect.promise(async () => {
      await mkdir(folder)
      await writeFile(
        `${folder}/systemctl`,
        `#!/bin/sh\necho "$@" >>"${user.path("calls")}"\ncase "$*" in\n${cases}\nesac\n`
      )
      await chmod(`${folder}/systemctl`, 0o755)
    })
    const calls = Effect.promise(() =>
      Bun.file(user.path("calls"))
        .text()
        .catch(() => "")
    )
    const variables = { PATH: `${folder}:${process.env["PATH"] ?? ""}` }
    const run = (...args: ReadonlyArray<string>) => user.run(["service", ...args], variables)
    return { ...user, calls, run, variables: { ...user.env, ...variables } }
  })

const started = [
  "--user show-environment",
  "--user daemon-reload",
  "--user enable manifold.service",
  "--user restart manifold.service"
]

it.live("install writes the unit and starts it; a second time it keeps a backup of a changed file", () =>
  Effect.gen(function* () {
    const { calls, dir, path, read, run } = yield* machine()
    const { code, stderr, stdout } = yield* run("install", "--user", "--yes")
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout).toContain(`${path(unit)}:\n+ # Written by`)
    expect(stdout).toContain("journalctl --user -u manifold")
    const text = yield* read(unit)
    expect(text).toContain(`${program.at(-1)} serve --http\n`)
    expect((yield* calls).trim().split("\n")).toEqual(started)

    yield* Effect.promise(() => writeFile(path(unit), "[Unit]\n"))
    const again = yield* run("install", "--user", "--yes")
    expect(again.stdout).toContain("(replaces the present file)")
    expect(yield* read(unit)).toBe(text)
    const names = yield* Effect.promise(() => readdir(`${dir}/.config/systemd/user`))
    const [backup = ""] = names.filter((name) => name.startsWith("manifold.service.backup-"))
    expect(yield* read(`.config/systemd/user/${backup}`)).toBe("[Unit]\n")
    expect((yield* run("install", "--user", "--yes")).stdout).toContain("(unchanged)")
  })
)

it.live("install changes nothing with --dry-run, --print, without an answer, or without systemd", () =>
  Effect.gen(function* () {
    const { calls, dir, run } = yield* machine(
      "*show-environment) echo 'Failed to connect to bus: No medium found' >&2; exit 1;;"
    )
    const preview = yield* run("install", "--user", "--dry-run")
    expect(preview.stdout).toEndWith("Nothing was changed.\n")
    const printed = yield* run("install", "--print")
    expect(printed.stdout).toStartWith("# Written by `manifold service install`.")
    expect(yield* calls).toBe("")

    const absent = yield* run("install", "--user", "--yes")
    expect(absent.code).toBe(1)
    expect(absent.stderr).toContain("systemd cannot be used: Failed to connect to bus: No medium found.")
    expect(yield* Effect.promise(() => readdir(dir))).not.toContain(".config")
  })
)

it.live("install needs a terminal or --yes, and an existing configuration file", () =>
  Effect.gen(function* () {
    const { dir, run } = yield* machine()
    const unanswered = yield* run("install", "--user")
    expect(unanswered.code).toBe(2)
    expect(unanswered.stderr).toContain("Pass --yes")
    const lost = yield* run("install", "--user", "--yes", "--config", `${dir}/none.yaml`)
    expect(lost.code).toBe(2)
    expect(lost.stderr).toContain("none.yaml does not exist")
    expect(yield* Effect.promise(() => readdir(dir))).not.toContain(".config")
  })
)

it.live("install in a terminal shows the file, and installs it after a yes only", () =>
  Effect.gen(function* () {
    const { calls, path, variables } = yield* machine()
    for (const [answer, outcome] of [
      ["n", "Nothing was changed."],
      ["y", "The service is installed and was started."]
    ] as const) {
      const { exited, type, until } = yield* terminal(["service", "install", "--user"], variables)
      expect(yield* until("Install and start the service?")).toContain("+ [Service]")
      yield* type(answer)
      yield* until(outcome)
      expect(yield* exited).toBe(0)
      const installed = yield* Effect.promise(() => Bun.file(path(unit)).exists())
      expect(installed).toBe(answer === "y")
    }
    expect((yield* calls).trim().split("\n").slice(-1)).toEqual(started.slice(-1))
  })
)

it.live("install reports the command that failed", () =>
  Effect.gen(function* () {
    const { run } = yield* machine("*restart*) echo 'Job for manifold.service failed.' >&2; exit 1;;")
    const { code, stderr } = yield* run("install", "--user", "--yes")
    expect(code).toBe(1)
    expect(stderr).toContain(
      "`systemctl --user restart manifold.service` failed: Job for manifold.service failed."
    )
  })
)

it.live("install for the system refuses a program in a home folder", () =>
  Effect.gen(function* () {
    const { run, dir } = yield* machine()
    yield* Effect.promise(() => writeFile(`${dir}/m.yaml`, ""))
    const { code, stderr } = yield* run("install", "--dry-run", "--config", `${dir}/m.yaml`)
    expect(code).toBe(1)
    expect(stderr).toContain("cannot read ")
    expect(stderr).toContain("pass --user")
  })
)

it.live("status has the exit codes of systemctl status", () =>
  Effect.gen(function* () {
    const { path, run } = yield* machine('*is-active*) cat "$(dirname "$0")/state";;')
    const state = (text: string) => Effect.promise(() => writeFile(path("bin/state"), `${text}\n`))
    yield* state("inactive")
    const absent = yield* run("status", "--user")
    expect(absent.code).toBe(4)
    expect(absent.stdout).toContain("(does not exist)")
    yield* run("install", "--user", "--yes")
    expect((yield* run("status", "--user")).code).toBe(3)
    yield* state("active")
    const running = yield* run("status", "--user", "--json")
    expect(running.code).toBe(0)
    expect(JSON.parse(running.stdout)).toMatchObject({
      manager: "systemd",
      file: path(unit),
      installed: true,
      state: "active"
    })
  })
)

it.live("remove stops the service, removes the unit, and names what it keeps", () =>
  Effect.gen(function* () {
    const { calls, path, run } = yield* machine()
    expect((yield* run("remove", "--user", "--yes")).stdout).toContain("is not installed")
    yield* run("install", "--user", "--yes")
    yield* Effect.promise(() => mkdir(path(".local/state/manifold"), { recursive: true }))
    expect((yield* run("remove", "--user", "--dry-run")).stdout).toEndWith("Nothing was changed.\n")
    const { code, stdout } = yield* run("remove", "--user", "--yes")
    expect(code).toBe(0)
    expect(stdout).toContain(`Kept: ${path(".local/state/manifold")}`)
    expect(yield* Effect.promise(() => Bun.file(path(unit)).exists())).toBe(false)
    expect((yield* calls).trim().split("\n").slice(-2)).toEqual([
      "--user disable --now manifold.service",
      "--user daemon-reload"
    ])
  })
)

test.skipIf(process.getuid?.() === 0)("only root changes the service of the system", async () => {
  const { code, stderr } = await Effect.runPromise(
    Effect.scoped(Effect.flatMap(machine(), ({ run }) => run("install", "--yes")))
  )
  expect(code).toBe(2)
  expect(stderr).toContain("sudo")
})
