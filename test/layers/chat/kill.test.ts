/** Processes that share `events.jsonl` are killed at random: nothing that was acknowledged is lost. */
import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { jsonlShared } from "../../support/chatStores.ts"
import { stateFolder } from "../../support/databases.ts"

const isLong = process.env["MANIFOLD_LONG_TESTS"] === "1"
const kills = isLong ? 1000 : 25
const writers = 4
/** Each process reads what all before it have written. */
const killsPerFolder = 100

/** Deterministic numbers from 0 to 1 (mulberry32). */
const randomOf = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let value = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
  return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
}

/** Starts a writer. `killAfter` kills it once it has acknowledged that many events. */
const startWriter = (script: string, folder: string, name: string, seed: number) => {
  const child = Bun.spawn([process.execPath, script, folder, name, `${seed}`], {
    stdout: "pipe",
    stderr: "inherit"
  })
  const reader = child.stdout.getReader()
  const decoder = new TextDecoder()
  let text = ""
  return {
    killAfter: async (count: number) => {
      while (text.split("\n").length <= count) {
        const { done, value } = await reader.read()
        if (done) break
        text += decoder.decode(value, { stream: true })
      }
      child.kill("SIGKILL")
      await child.exited
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        text += decoder.decode(value, { stream: true })
      }
      // The last line may be cut.
      return text.split("\n").slice(0, -1)
    }
  }
}

/** The writer as one file, which starts faster. */
const bundle = (folder: string) =>
  Effect.promise(async () => {
    const entrypoints = [join(import.meta.dir, "chatProcess.ts")]
    const { outputs } = await Bun.build({ entrypoints, target: "bun", outdir: folder })
    return outputs[0]?.path ?? ""
  })

const verify = Effect.fnUntraced(function* (folder: string, acknowledged: ReadonlySet<string>) {
  const { end, store } = yield* jsonlShared(folder).start
  const ids = new Set([...acknowledged].map((line) => line.split(" ")[0] ?? ""))
  for (const id of ids) {
    const info = yield* store.find(id)
    expect(info?.running).toBeUndefined()
    const last = info?.lastSeq ?? 0
    const events = yield* Stream.runCollect(Stream.take(store.watch(id, 0), last))
    // Gapless, so every acknowledged event is there.
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: last }, (_, at) => at + 1))
    for (const line of acknowledged) {
      const [conversation, seq] = line.split(" ")
      if (conversation === id) expect(Number(seq)).toBeLessThanOrEqual(last)
    }
    const begun = events.filter(({ type }) => type === "user_message").length
    const ends = events.filter(({ type }) => type === "turn_completed" || type === "turn_failed").length
    expect(ends).toBe(begun)
  }
  yield* end
  expect(readdirSync(folder)).not.toContain("events.quarantine")
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".jsonl"))) {
    for (const line of readFileSync(join(folder, name), "utf8").split("\n")) {
      if (line.trim() !== "") JSON.parse(line)
    }
  }
})

test(
  `processes that are killed ${kills} times lose no acknowledged event, damage no line, and leave no turn running`,
  () =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const script = yield* bundle(yield* stateFolder)
          const random = randomOf(7)
          for (let killed = 0; killed < kills;) {
            const folder = yield* stateFolder
            const acknowledged = new Set<string>()
            for (const last = Math.min(kills, killed + killsPerFolder); killed < last; killed += writers) {
              const lines = yield* Effect.promise(() =>
                Promise.all(
                  Array.from({ length: writers }, (_, at) =>
                    startWriter(script, folder, `${killed}-${at}`, killed + at).killAfter(
                      1 + Math.floor(random() * 60)
                    )
                  )
                )
              )
              for (const line of lines.flat()) {
                expect(acknowledged.has(line)).toBe(false)
                acknowledged.add(line)
              }
            }
            expect(acknowledged.size).toBeGreaterThan(writers)
            yield* verify(folder, acknowledged)
          }
        })
      )
    ),
  isLong ? 240_000 : 120_000
)
