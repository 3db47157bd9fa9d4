/**
 * `bun run conformance [server|aggregator|aggregatorstdio|client|authorization]`: runs the official conformance suite against our
 * server, against the service in front of it, and against connections to upstream servers, once per frozen set of
 * requirements; and its scenarios for authorization servers.
 */
import { Console, Effect, FileSystem, Layer, Path, Schema } from "effect"
import * as Platform from "../../layers/platform/Platform.ts"
import { aggregator, ready } from "./aggregator.ts"
import { authorization } from "./authorization.ts"
import { endpoint, layer } from "./server.ts"

const revisions = ["2025-11-25", "2026-07-28"]

const Checks = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      name: Schema.String,
      description: Schema.String,
      status: Schema.String,
      errorMessage: Schema.optionalKey(Schema.String)
    })
  )
)

/** The suite is written for Node 22 and later; Bun runs it as well. */
const suite = Bun.fileURLToPath(import.meta.resolve("@modelcontextprotocol/conformance/dist/index.js"))

const runSuite = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => Bun.spawn([process.execPath, suite, ...args], { stdout: "pipe", stderr: "pipe" })),
    (running) => Effect.sync(() => running.kill())
  )
  const [output, errors, code] = yield* Effect.promise(() =>
    Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  )
  return { output, errors, code }
}, Effect.scoped)

/** Scenario names by outcome, without those that the suite runs but does not score. */
const outcomes = (output: string) => {
  const notScored = new Set(Array.from(output.matchAll(/^ {2}[✓✗] (\S+) \(.+\)$/gm), ([, name]) => name))
  const lines = Array.from(output.matchAll(/^([✓✗]) (\S+): \d+ passed, \d+ failed(?:, \d+ warnings)?$/gm))
  const scored = lines.filter(([, , name]) => !notScored.has(name))
  const names = (mark: string) => scored.flatMap(([, found, name = ""]) => (found === mark ? [name] : []))
  return { passed: names("✓"), failed: names("✗") }
}

/** Shortens messages: the suite quotes whole error pages. */
const oneLine = (message: string) => message.replaceAll(/\s+/g, " ").slice(0, 300)

/** `prefix`: what the suite puts before the names of its folders. */
const explain = Effect.fnUntraced(function* (results: string, prefix: string, scenario: string) {
  const files = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const folders = yield* files.readDirectory(results, { recursive: true })
  const found = folders.find(
    (name) => name.startsWith(`${prefix}${scenario}-2`) && name.endsWith("checks.json")
  )
  if (found === undefined) return [`  ${scenario}: it did not run`]
  const text = yield* files.readFileString(paths.join(results, found))
  const checks = yield* Schema.decodeEffect(Checks)(text)
  return checks
    .filter(({ status }) => status === "FAILURE")
    .map(
      ({ description, errorMessage = description, name }) =>
        `  ${scenario}: ${name}: ${oneLine(errorMessage)}`
    )
})

/** Whether the subject meets everything that the revision requires. `args`: what the suite runs, and against what. */
const conforms = Effect.fnUntraced(function* (
  subject: string,
  revision: string,
  args: ReadonlyArray<string>
) {
  const files = yield* FileSystem.FileSystem
  const results = yield* files.makeTempDirectoryScoped({ prefix: "conformance-results-" })
  const run = yield* runSuite([...args, "--requirements", revision, "-o", results])
  const { failed, passed } = outcomes(run.output)
  const prefix = args[0] === "client" ? "" : `${args[0]}-`
  for (const scenario of failed) {
    for (const line of yield* explain(results, prefix, scenario)) yield* Console.log(line)
  }
  const total = passed.length + failed.length
  if (total === 0) yield* Console.log(`${run.output}\n${run.errors}`)
  yield* Console.log(`${subject} ${revision} ${passed.length}/${total}`)
  return run.code === 0 && total > 0 && failed.length === 0
}, Effect.scoped)

/** Sequential: the runs share the server, and some scenarios change its catalog. */
const all = (subject: string) =>
  Effect.flatMap(endpoint, (url) =>
    Effect.forEach(revisions, (revision) => conforms(subject, revision, ["server", "--url", url]))
  ).pipe(Effect.map((met) => met.every(Boolean)))

const client = `${process.execPath} ${Bun.fileURLToPath(new URL("client.ts", import.meta.url))}`

const subjects = {
  server: Effect.provide(all("server"), Layer.fresh(layer(0))),
  aggregator: Effect.flatMap(endpoint, (url) =>
    Effect.provide(Effect.andThen(ready, all("aggregator")), Layer.fresh(aggregator(url)))
  ).pipe(Effect.provide(Layer.fresh(layer(0)))),
  aggregatorstdio: Effect.provide(
    Effect.andThen(ready, all("aggregatorstdio")),
    Layer.fresh(aggregator(undefined))
  ),
  client: Effect.forEach(revisions, (revision) =>
    conforms("client", revision, ["client", "--command", client, "--timeout", "120000"])
  ).pipe(Effect.map((met) => met.every(Boolean))),
  authorization: authorization(suite)
}

const [, , chosen] = Bun.argv

const program = Effect.gen(function* () {
  const run = Object.entries(subjects).filter(([name]) => chosen === undefined || name === chosen)
  const met = yield* Effect.forEach(run, ([, subject]) => subject)
  if (!met.every(Boolean)) yield* Effect.sync(() => (process.exitCode = 1))
})

program.pipe(Effect.provide(Platform.layer), Platform.runMain)
