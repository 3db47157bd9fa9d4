/** Finds out how commands can be confined on this machine. */
import { Effect, FileSystem } from "effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { Machine } from "../platform/Machine.ts"
import { type Confinement, path, probeArgv, systemFolders } from "./sandbox.ts"

const succeeds = (program: string, args: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.flatMap(
      ChildProcess.make(program, [...args], {
        env: { PATH: path },
        extendEnv: false,
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore"
      }),
      ({ exitCode }) => exitCode
    )
  ).pipe(
    Effect.timeout("5 seconds"),
    Effect.map((code) => Number(code) === 0),
    Effect.orElseSucceed(() => false)
  )

export const findConfinement = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { isRoot } = yield* Machine
  const [prlimit, setpriv] = yield* Effect.all([
    succeeds("prlimit", ["--nofile=256", "--", "true"]),
    succeeds("setpriv", ["--pdeathsig", "KILL", "--no-new-privs", "--", "true"])
  ])
  const folders = yield* Effect.filter(systemFolders, (folder) =>
    Effect.orElseSucceed(fs.exists(folder), () => false)
  )
  const without: Confinement = { bwrap: false, prlimit, setpriv, isRoot, folders }
  const [program, ...args] = probeArgv(without)
  const bwrap = yield* succeeds(program, args)
  return { ...without, bwrap }
})
