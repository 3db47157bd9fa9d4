/** Ends the process groups of upstream servers if this process dies before it ends them, for example by SIGKILL. */
import { type Cause, Context, Effect, Layer, Queue, RcRef, Stream, type Scope } from "effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"

/**
 * POSIX shell. It reads `+ <group>` and `- <group>` until its input ends, which it does when this process is gone. It
 * ignores signals that a terminal or a service manager sends to everything at once.
 */
const script = `
trap '' HUP INT TERM
groups=
while read -r sign group; do
  if [ "$sign" = + ]; then groups="$groups $group"; continue; fi
  left=
  for each in $groups; do [ "$each" = "$group" ] || left="$left $each"; done
  groups=$left
done
[ -n "$groups" ] || exit 0
for each in $groups; do kill -s TERM -- "-$each" 2>/dev/null; done
sleep 2
for each in $groups; do kill -s KILL -- "-$each" 2>/dev/null; done
`

const start = Effect.gen(function* () {
  const lines = yield* Effect.acquireRelease(Queue.unbounded<string, Cause.Done>(), Queue.end)
  yield* ChildProcess.make("sh", ["-c", script], {
    stdin: Stream.encodeText(Stream.fromQueue(lines)),
    stdout: "ignore",
    stderr: "ignore",
    env: {},
    extendEnv: true,
    killSignal: "SIGKILL"
  })
  return (line: string) => Queue.offer(lines, line)
})

export class OrphanGuard extends Context.Service<
  OrphanGuard,
  {
    /**
     * Starts the shell, and then guards a process group until the scope closes. Run it before the process starts: a shell that
     * starts after it may be too late. Does nothing where there is no POSIX shell.
     */
    readonly ready: Effect.Effect<
      (group: number) => Effect.Effect<void, never, Scope.Scope>,
      never,
      Scope.Scope
    >
  }
>()("manifold/upstream/OrphanGuard") {
  /** The shell starts with the first process and ends soon after the last. */
  static readonly layer = Layer.effect(
    OrphanGuard,
    Effect.gen(function* () {
      const spawner = yield* ChildProcessSpawner
      const acquire = Effect.provideService(start, ChildProcessSpawner, spawner)
      const shell = yield* RcRef.make({ acquire, idleTimeToLive: "10 seconds" })
      return OrphanGuard.of({
        ready: RcRef.get(shell).pipe(
          Effect.map(
            (send) => (group: number) =>
              Effect.asVoid(Effect.acquireRelease(send(`+ ${group}\n`), () => send(`- ${group}\n`)))
          ),
          Effect.catch((error) =>
            Effect.as(
              Effect.logDebug("Upstream processes are not guarded: no POSIX shell was found.", error),
              () => Effect.void
            )
          )
        )
      })
    })
  )
}
