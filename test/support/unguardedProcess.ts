/** Starts a process, and dies of SIGKILL at the moment between its start and its registration at the guard. */
import { Effect } from "effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { OrphanGuard } from "../../layers/upstream/OrphanGuard.ts"
import { stdioServices } from "./stdioServices.ts"

const [, , marker = "", file = ""] = process.argv

const program = Effect.gen(function* () {
  const guard = yield* OrphanGuard
  const earlier = yield* guard.prepare
  // Another process that was added, and has ended: a daemon that it left behind is not the guard's.
  const daemon = `setsid sh -c 'echo $$ >"$0"; exec sleep 300' "$0" & until [ -s "$0" ]; do :; done`
  const left = yield* ChildProcess.make("sh", ["-c", daemon, file], {
    env: earlier.environment,
    extendEnv: true
  })
  yield* earlier.add(left.pid)
  yield* left.exitCode
  const { environment } = yield* guard.prepare
  yield* ChildProcess.make("sh", ["-c", "sleep 300; true", marker], { env: environment, extendEnv: true })
  yield* Effect.sync(() => process.kill(process.pid, "SIGKILL"))
  return yield* Effect.never
})

await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(stdioServices)))
