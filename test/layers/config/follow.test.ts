/** Hot reload for followers: changed settings apply to followers, and an invalid configuration changes nothing. */
import { describe, expect } from "bun:test"
import { Effect, Exit, Option, Redacted, Schema, Scope } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Secret } from "../../../layers/config/Secret.ts"
import * as Section from "../../../layers/config/Section.ts"
import { it } from "../../support/effect.ts"
import { given } from "./files.ts"

const level = Section.optional(Schema.Literals(["info", "debug"]), "info", "Level")
const logging = Section.make("logging", Schema.Struct({ level }))
const storage = Section.make(
  "storage",
  Schema.Struct({ dir: Section.optional(Schema.String, ".", "Folder") })
)
const web = Section.make("web", Schema.Struct({ robots: Section.optional(Schema.Boolean, false, "Ask") }))
const llm = Section.make("llm", Schema.Struct({ key: Secret }))
const hosts = Section.record("hosts", () => Schema.Struct({ port: Schema.Int }))
const sections = [logging, storage, web, llm, hosts]

/** A configuration over files that the test changes. */
const over = (files: Record<string, string>) =>
  Effect.gen(function* () {
    const config = yield* ConfigSource
    yield* config.check(sections)
    return { config, files }
  }).pipe(Effect.provide(given({ files })))

const collect = <A>(config: ConfigSource["Service"], section: Section.Section<A>) => {
  const seen: Array<A> = []
  return Effect.as(
    config.follow(section, (value) => Effect.sync(() => seen.push(value))),
    seen
  )
}

describe("a reload", () => {
  it.effect("notifies all followers even if one dies, which is notified again by the next reload", () =>
    Effect.gen(function* () {
      const { config, files } = yield* over({ "manifold.yaml": "" })
      const levels: Array<string> = []
      let broken = false
      yield* config.follow(logging, (now) =>
        broken ? Effect.die(new Error("broken")) : Effect.sync(() => levels.push(now.level))
      )
      const folders = yield* collect(config, storage)
      broken = true
      files["manifold.yaml"] = "logging: { level: debug }\nstorage: { dir: /data }"
      expect(Exit.hasDies(yield* Effect.exit(config.reload))).toBe(true)
      expect(folders).toEqual([{ dir: "." }, { dir: "/data" }])
      broken = false
      yield* config.reload
      expect(levels).toEqual(["info", "debug"])
      expect(folders.length).toBe(2)
    })
  )

  it.effect(
    "applies changes for followers, needs a restart for readers, and neither for unread sections",
    () =>
      Effect.gen(function* () {
        const { config, files } = yield* over({ "manifold.yaml": "logging: { level: info }" })
        const levels = yield* collect(config, logging)
        expect(levels).toEqual([{ level: "info" }])
        expect(yield* config.read(storage)).toEqual({ dir: "." })
        files["manifold.yaml"] = "logging: { level: debug }\nstorage: { dir: /data }\nweb: { robots: true }"
        expect(yield* config.reload).toEqual({
          changed: ["logging", "storage", "web"],
          applied: ["logging"],
          needRestart: ["storage"]
        })
        expect(levels).toEqual([{ level: "info" }, { level: "debug" }])
        expect(yield* config.read(storage)).toEqual({ dir: "." })
        expect(yield* config.read(web)).toEqual({ robots: true })
        expect((yield* config.reload).needRestart).toEqual(["storage"])
        files["manifold.yaml"] = ""
        expect(yield* config.reload).toEqual({
          changed: ["logging", "web"],
          applied: ["logging"],
          needRestart: ["web"]
        })
        expect(levels.at(-1)).toEqual({ level: "info" })
      })
  )

  it.effect("with the same settings in another form changes nothing", () =>
    Effect.gen(function* () {
      const { config, files } = yield* over({ "manifold.yaml": "logging: { level: info }" })
      const levels = yield* collect(config, logging)
      files["manifold.yaml"] = "# a comment\nlogging:\n  level: info\n"
      expect((yield* config.reload).changed).toEqual([])
      files["manifold.yaml"] = ""
      expect((yield* config.reload).changed).toEqual([])
      expect(levels).toHaveLength(1)
    })
  )

  it.effect("with another order changes a section whose keys have an order, and no other", () =>
    Effect.gen(function* () {
      const port = "{ port: 1 }"
      const { config, files } = yield* over({
        "manifold.yaml": `hosts: { one: ${port}, two: ${port} }\nlogging: { level: info }`
      })
      const seen = yield* collect(config, hosts)
      const optional: Array<unknown> = []
      yield* config.followOption(hosts, (value) => Effect.sync(() => optional.push(value)))
      const levels = yield* collect(config, logging)
      files["manifold.yaml"] = `logging: { level: info }\nhosts: { two: ${port}, one: ${port} }`
      expect(yield* config.reload).toEqual({ changed: ["hosts"], applied: ["hosts"], needRestart: [] })
      expect(seen.map((value) => Object.keys(value))).toEqual([
        ["one", "two"],
        ["two", "one"]
      ])
      expect(optional).toHaveLength(2)
      expect((yield* config.reload).changed).toEqual([])
      expect([seen, levels].map(({ length }) => length)).toEqual([2, 1])
    })
  )

  it.effect("with any problem changes nothing and reports all problems", () =>
    Effect.gen(function* () {
      const { config, files } = yield* over({ "manifold.yaml": "logging: { level: info }" })
      const levels = yield* collect(config, logging)
      files["manifold.yaml"] = "logging: { level: debug }\nweb: { robots: 3 }\nwep: {}"
      const { problems } = yield* Effect.flip(config.reload)
      expect(problems.map(({ path, source }) => `${path} ${source}`)).toEqual([
        "wep /u/manifold/manifold.yaml:3:1",
        "web.robots /u/manifold/manifold.yaml:2:16"
      ])
      files["manifold.yaml"] = "logging: ["
      yield* Effect.flip(config.reload)
      expect(levels).toEqual([{ level: "info" }])
      expect(yield* config.read(web)).toEqual({ robots: false })
      files["manifold.yaml"] = "logging: { level: debug }"
      expect((yield* config.reload).applied).toEqual(["logging"])
    })
  )

  it.effect("detects a secret whose file was replaced", () =>
    Effect.gen(function* () {
      const { config, files } = yield* over({
        "manifold.yaml": "llm: { key: file:/run/key }",
        "/run/key": "one"
      })
      const keys = yield* collect(config, llm)
      files["/run/key"] = "two\n"
      expect((yield* config.reload).applied).toEqual(["llm"])
      expect(keys.map(({ key }) => Redacted.value(key))).toEqual(["one", "two"])
    })
  )

  it.effect("detects an optional section that is added and removed", () =>
    Effect.gen(function* () {
      const { config, files } = yield* over({ "manifold.yaml": "" })
      expect(Option.isNone(yield* config.readOption(web))).toBe(true)
      files["manifold.yaml"] = "web: {}"
      expect((yield* config.reload).needRestart).toEqual(["web"])
      expect(Option.isNone(yield* config.readOption(web))).toBe(true)
    })
  )

  it.effect("does not notify a follower that has stopped", () =>
    Effect.gen(function* () {
      const { config, files } = yield* over({ "manifold.yaml": "" })
      const scope = yield* Scope.make()
      const levels = yield* Scope.provide(collect(config, logging), scope)
      yield* Scope.close(scope, Exit.void)
      files["manifold.yaml"] = "logging: { level: debug }"
      expect((yield* config.reload).needRestart).toEqual(["logging"])
      expect(levels).toEqual([{ level: "info" }])
    })
  )
})

describe("an alias of a section", () => {
  const port = Section.optional(Schema.Int, 8000, "Port")
  const host = Section.optional(Schema.NonEmptyString, "localhost", "Host")
  const server = Section.make("server", Schema.Struct({ host, port }), { aliases: ["websocket"] })
  const problems = (text: string) =>
    ConfigSource.use((config) => config.check([server])).pipe(
      Effect.provide(given({ files: { "manifold.yaml": text } })),
      Effect.flip,
      Effect.map((error) => error.problems)
    )

  it.effect("has the same meaning, also beside its section", () =>
    Effect.gen(function* () {
      const text = "websocket: { port: 9 }\nserver: { host: a, port: 9 }"
      const read = ConfigSource.use((config) => Effect.andThen(config.check([server]), config.read(server)))
      expect(yield* Effect.provide(read, given({ files: { "manifold.yaml": text } }))).toEqual({
        host: "a",
        port: 9
      })
    })
  )

  it.effect(
    "that contradicts its section is a problem with both paths, and its problems have the alias",
    () =>
      Effect.gen(function* () {
        expect(yield* problems("websocket: { port: 8 }\nserver: { host: a, port: 9 }")).toEqual([
          {
            path: "websocket.port",
            message:
              "differs from server.port (/u/manifold/manifold.yaml:2:26), the same setting; remove one of them",
            source: "/u/manifold/manifold.yaml:1:20"
          }
        ])
        const found = yield* problems("websocket: { port: x, hst: y }")
        expect(found.map(({ path, source }) => `${path} ${source}`).toSorted()).toEqual([
          "websocket.hst /u/manifold/manifold.yaml:1:23",
          "websocket.port /u/manifold/manifold.yaml:1:20"
        ])
        expect((yield* problems("websocket: 3")).map(({ path }) => path)).toEqual(["websocket"])
      })
  )
})
