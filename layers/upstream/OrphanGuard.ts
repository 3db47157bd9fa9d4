/** Ends the processes of upstream servers if this process dies before it ends them, for example by SIGKILL. */
import { type Cause, Clock, Context, Effect, Layer, Queue, RcRef, Stream, type Scope } from "effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"

/** Variable of each guarded process, and of those that it starts: the shell that guards it, and its number there. */
const variable = "MANIFOLD_PROCESS"

/** Processes that start at the same time; those with lower numbers have been added. */
const mostStarting = 100

/**
 * POSIX shell. It reads `+ <group> <number>` and `- <group>` until its input ends, which it does when this process is gone. Then
 * it ends the groups, and processes that had started but were not added yet; these are found where there is a `/proc`. It
 * ignores signals that a terminal or a service manager sends to everything at once.
 */
const script = `
trap '' HUP INT TERM
groups= added=' ' last=0
while read -r sign group number; do
  if [ "$sign" = + ]; then
    groups="$groups $group" added="$added$number "
    [ "$number" -le "$last" ] || last=$number
    [ "$number" -le ${mostStarting} ] || added=" \${added#* * }"
    continue
  fi
  left=
  for each in $groups; do [ "$each" = "$group" ] || left="$left $each"; done
  groups=$left
done
starting() {
  for file in $(grep -ls "${variable}=$$-$1:" /proc/[0-9]*/environ 2>/dev/null); do
    number=$(tr '\\0' '\\n' <"$file" | sed -n "s/^${variable}=$$-$1://p")
    [ "\${number:-0}" -gt "$((last - ${mostStarting}))" ] || continue
    case $added in *" $number "*) continue ;; esac
    pid=\${file#/proc/}
    echo "\${pid%/environ}"
  done
}
end() {
  for each in $groups; do kill -s "$1" -- "-$each" 2>/dev/null; done
  for each in $(starting "$2"); do kill -s "$1" "$each" 2>/dev/null; done
}
end TERM "$1"
sleep 2
end KILL "$1"
`

const start = Effect.gen(function* () {
  const lines = yield* Effect.acquireRelease(Queue.unbounded<string, Cause.Done>(), Queue.end)
  const began = yield* Clock.currentTimeMillis
  const shell = yield* ChildProcess.make("sh", ["-c", script, "sh", String(began)], {
    stdin: Stream.encodeText(Stream.fromQueue(lines)),
    stdout: "ignore",
    stderr: "ignore",
    env: {},
    extendEnv: true,
    killSignal: "SIGKILL"
  })
  let count = 0
  return (): Guarded => {
    const number = ++count
    return {
      environment: { [variable]: `${shell.pid}-${began}:${number}` },
      add: (group) =>
        Effect.asVoid(
          Effect.acquireRelease(Queue.offer(lines, `+ ${group} ${number}\n`), () =>
            Queue.offer(lines, `- ${group}\n`)
          )
        )
    }
  }
})

/** A process that is about to start. */
export interface Guarded {
  /** Variables that the process must have, so that it is found before it is added. */
  readonly environment: Readonly<Record<string, string>>
  /** Guards its process group until the scope closes. */
  readonly add: (group: number) => Effect.Effect<void, never, Scope.Scope>
}

const unguarded: Guarded = { environment: {}, add: () => Effect.void }

export class OrphanGuard extends Context.Service<
  OrphanGuard,
  {
    /**
     * Starts the shell, and prepares to guard one process. Run it before the process starts: a shell that starts after it may be
     * too late. Does nothing where there is no POSIX shell.
     */
    readonly prepare: Effect.Effect<Guarded, never, Scope.Scope>
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
        prepare: RcRef.get(shell).pipe(
          Effect.map((next) => next()),
          Effect.catch((error) =>
            Effect.as(
              Effect.logDebug("Upstream processes are not guarded: no POSIX shell was found.", error),
              unguarded
            )
          )
        )
      })
    })
  )
}
