/**
 * Streams of a model from one replayed provider: through our models, in this process, and directly or through another
 * gateway, which is a separate process. All of them reuse their connections.
 *
 * The work differs. Ours decodes every chunk, counts usage, looks up the price, settles the budget and reports the call;
 * bare `fetch` reads bytes, and the gateway forwards them. The gateway runs under Bun like the rest: under Node 20,
 * version 1.15.2 answers every stream with status 500. Its time to first token under Bun, 30 ms, is not what its authors
 * publish (2.5 ms), so read its throughput first.
 */
import { join } from "node:path"
import { Effect, Layer, ManagedRuntime, Stream } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Budget } from "../../../layers/guard/Budget.ts"
import { Guard } from "../../../layers/guard/Guard.ts"
import { Calls } from "../../../layers/ledger/Calls.ts"
import { Journal } from "../../../layers/ledger/Journal.ts"
import { Models } from "../../../layers/models/Models.ts"
import { Outbound } from "../../../layers/outbound/Outbound.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { ProgressEvents } from "../../../layers/progress/ProgressEvents.ts"
import { own, start, surroundings } from "../support/process.ts"
import { compare, type Measure, type Row, type Side } from "../support/Row.ts"

const measures: ReadonlyArray<Measure> = [
  { measure: "model, time to first token, 1 stream, p50", unit: "ms", better: "less" },
  { measure: "model, time to first token, 32 paced streams, p99", unit: "ms", better: "less" },
  { measure: "model, whole streams, 32 at once", unit: "streams/s", better: "more" }
]

/** One stream: resolves with the milliseconds until its first text, once it has ended. */
type Call = () => Promise<number>

const percentile = (figures: ReadonlyArray<number>, share: number) =>
  figures.toSorted((a, b) => a - b)[Math.min(figures.length - 1, Math.floor(figures.length * share))] ?? 0

/** `stagger`: milliseconds between the starts of two loops, as callers do not begin in the same millisecond. */
const streams = async (call: Call, atOnce: number, total: number, stagger = 0) => {
  const times: Array<number> = []
  let left = total
  const begin = performance.now()
  const talk = async (loop: number) => {
    if (stagger > 0) await Bun.sleep(loop * stagger)
    while (left-- > 0) times.push(await call())
  }
  await Promise.all(Array.from({ length: atOnce }, (_, loop) => talk(loop)))
  return { times, rate: (total / (performance.now() - begin)) * 1000 }
}

/** Opens a way to the provider at `url`. */
type Open = (url: string, scope: AsyncDisposableStack) => Promise<Call>

const replay = [process.execPath, join(import.meta.dir, "../peers/replay.ts")]

/** A paced stream takes about 32 times as long. */
const pacedStagger = 9

const side = (name: string, open: Open, calls: number): Side => ({
  name,
  open: async (scope) => {
    const { url } = scope.use(await start({ name: "replay", command: replay, path: "" }))
    const fast = await open(`${url}/v1`, scope)
    const paced = await open(`${url}/paced/v1`, scope)
    await streams(fast, 32, calls)
    return async () => {
      const alone = await streams(fast, 1, calls)
      const together = await streams(paced, 32, calls, pacedStagger)
      const { rate } = await streams(fast, 32, calls * 4)
      return [percentile(alone.times, 0.5), percentile(together.times, 0.99), rate]
    }
  }
})

const ours: Open = async (url, scope) => {
  const config = {
    limits: { enabled: false },
    llm: { active: "local", providers: { local: { base_url: url, model: "gpt-4o" } } }
  }
  const layer = Models.layer.pipe(
    Layer.provide(
      Layer.mergeAll(
        Guard.layer.pipe(Layer.provide(Budget.layerUnlimited)),
        ProgressEvents.layer,
        Outbound.layer
      )
    ),
    Layer.provide(Layer.mergeAll(Calls.layer, Journal.layer, Environment.layerTest({}))),
    Layer.provide(Ids.layer),
    Layer.provide(ConfigSource.layerFrom(config))
  )
  const runtime = ManagedRuntime.make(layer)
  scope.defer(() => runtime.dispose())
  return () => {
    const begin = performance.now()
    let first: number | undefined
    const stream = Stream.unwrap(Effect.map(Models, (models) => models.stream({ prompt: "hello" })))
    const read = Stream.runForEachArray(stream, (parts) => {
      if (first === undefined && parts.some(({ type }) => type === "text-delta")) first = performance.now()
      return Effect.void
    })
    return runtime.runPromise(read).then(() => (first ?? Number.NaN) - begin)
  }
}

/** Text of the first chunk that has any; the chunk before it, with the role, arrives earlier. */
const firstText = "word0"

/** Bare `fetch`, without decoding the events: nothing can be faster. */
const direct =
  (headers: Readonly<Record<string, string>> = {}): Open =>
  async (url) =>
  async () => {
    const begin = performance.now()
    const response = await fetch(`${url}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer none", ...headers },
      body: JSON.stringify({
        model: "gpt-4o",
        stream: true,
        stream_options: { include_usage: true },
        messages: [{ role: "user", content: "hello" }]
      })
    })
    if (!response.ok) throw new Error(`status ${response.status}`)
    let first: number | undefined
    for await (const bytes of response.body ?? []) {
      if (first === undefined && Buffer.from(bytes).includes(firstText)) first = performance.now()
    }
    return (first ?? Number.NaN) - begin
  }

const gatewayPort = 18_787

/** A header says where the provider is. */
const gateway: Open = async (url, scope) => {
  const name = "gateway"
  const origin = `http://127.0.0.1:${gatewayPort}`
  const isUp = async () => (await fetch(origin).catch(() => undefined)) !== undefined
  if (!(await isUp())) {
    const program = join(import.meta.dir, "../node_modules/@portkey-ai/gateway/build/start-server.js")
    const command = [process.execPath, program, `--port=${gatewayPort}`, "--headless"]
    const child = own(
      Bun.spawn(command, {
        ...surroundings({ name, command, env: { TRUSTED_CUSTOM_HOSTS: "127.0.0.1" } }),
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore"
      })
    )
    scope.defer(async () => {
      child.kill()
      await child.exited
    })
    for (let attempt = 0; attempt < 100 && !(await isUp()); attempt++) await Bun.sleep(100)
  }
  return direct({ "x-portkey-provider": "openai", "x-portkey-custom-host": url })(`${origin}/v1`, scope)
}

export const modelCalls: Row = {
  name: "models",
  run: async function* ({ quick, rounds }) {
    const calls = quick ? 200 : 1000
    yield* compare(measures, side("manifold", ours, calls), side("bare fetch", direct(), calls), rounds)
    yield* compare(
      measures,
      side("manifold", ours, calls),
      side("Portkey gateway 1.15.2", gateway, calls),
      rounds
    )
  }
}
