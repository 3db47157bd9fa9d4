/** Processes of this machine, for tests of what is left behind. */
import { Effect } from "effect"
import { readdir, readFile } from "node:fs/promises"

/** Command lines of all processes of this machine that contain the text. */
export const processesWith = (text: string) =>
  Effect.promise(async () => {
    const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name))
    const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")))
    return lines.filter((line) => line.includes(text) && !line.includes("bun"))
  })

/** Waits until no process has the text; a killed one is gone a moment later. */
export const gone = (text: string) =>
  Effect.repeat(processesWith(text), { until: (found) => found.length === 0 }).pipe(
    Effect.timeout("10 seconds")
  )
