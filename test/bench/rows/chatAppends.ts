/** Events of four processes on one file: the store of conversations, a bare append, and `proper-lockfile`. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { compare, type Measure, type Row, type Side } from "../support/Row.ts"

const processes = 4
const measures: ReadonlyArray<Measure> = [
  { measure: "appended events, four processes", unit: "events/s", better: "more" }
]
const script = join(import.meta.dir, "../support/appendEvents.ts")

/** Events per second of all processes, after a quarter as many. */
const round = (mode: string, count: number) => async () => {
  const folder = mkdtempSync(join(tmpdir(), "manifold-appends-"))
  try {
    const children = Array.from({ length: processes }, () => {
      const child = Bun.spawn([process.execPath, script, mode, folder, String(count), String(count / 4)], {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "inherit"
      })
      const output = child.stdout.getReader()
      const next = async () => {
        const { done } = await output.read()
        if (done) throw new Error(`${mode} ended early`)
      }
      return { child, next }
    })
    await Promise.all(children.map(({ next }) => next()))
    const start = performance.now()
    for (const { child } of children) {
      child.stdin.write("go\n")
      await child.stdin.flush()
    }
    await Promise.all(children.map(({ next }) => next()))
    const seconds = (performance.now() - start) / 1000
    await Promise.all(children.map(({ child }) => child.exited))
    return [(processes * count) / seconds]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const side = (name: string, mode: string, count: number): Side => ({
  name,
  open: async () => round(mode, count)
})

export const chatAppends: Row = {
  name: "chat-appends",
  run: async function* ({ quick, rounds }) {
    const many = 40_000
    const few = quick ? 250 : 1000
    const ours = side("manifold", "store", many)
    yield* compare(measures, ours, side("bare write(2)", "raw", many), rounds)
    yield* compare(measures, ours, side("proper-lockfile", "proper-lockfile", few), rounds)
  }
}
