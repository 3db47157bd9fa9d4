/** Command lines: tokens without a shell, the longest name, checked arguments. */
import { describe, expect, test } from "bun:test"
import { Effect, Result } from "effect"
import fc from "fast-check"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { parseCommand, tokenize } from "../../../layers/commands/parseCommand.ts"
import { section } from "../../../layers/commands/section.ts"

const settingsOf = (named: unknown) =>
  Effect.runPromise(
    Effect.flatMap(ConfigSource, (config) => config.read(section)).pipe(
      Effect.provide(ConfigSource.layerFrom({ commands: { named } }))
    )
  )

const { named } = await settingsOf({
  docker: { run: ["docker", "--version"] },
  "docker ps": { run: ["docker", "ps", "--format", "{{.Names}}"] },
  "docker logs": {
    run: ["docker", "logs", "--tail={lines}", "--", "{name}"],
    arguments: [{ name: "name" }, { name: "lines", minimum: 1, maximum: 1000, optional: true }]
  },
  unit: { run: ["systemctl", "{verb}", "app"], arguments: [{ name: "verb", values: ["start", "--help"] }] },
  say: { run: ["echo", "{text}"], arguments: [{ name: "text", pattern: "[^q]*" }] },
  constructor: { run: ["true"] }
})

const argvOf = (line: string) => Result.map(parseCommand(line, named), ({ argv }) => argv)
const ran = (line: string) => Result.getOrThrow(argvOf(line))
const reasonOf = (line: string) => Result.getOrThrow(Result.flip(parseCommand(line, named))).reason

describe("a command line", () => {
  test("selects the longest name at its beginning", () => {
    expect(ran("docker")).toEqual(["docker", "--version"])
    expect(ran("  docker\tps ")).toEqual(["docker", "ps", "--format", "{{.Names}}"])
    expect(ran("docker logs web")).toEqual(["docker", "logs", "--", "web"])
    expect(ran("docker logs 'web' 20")).toEqual(["docker", "logs", "--tail=20", "--", "web"])
    expect(ran("constructor")).toEqual(["true"])
    expect(ran("unit --help")).toEqual(["systemctl", "--help", "app"])
  })

  test("that is not declared is unknown, whatever its form", () => {
    for (const line of [
      "rm -rf /",
      "/bin/docker",
      "./docker",
      `"docker ps"`,
      "DOCKER",
      "docker\u00a0ps",
      "toString",
      "__proto__",
      "hasOwnProperty",
      "\\docker",
      "$(docker)",
      "`docker`",
      ";docker"
    ]) {
      expect({ line, reason: reasonOf(line) }).toEqual({ line, reason: "unknown" })
    }
  })

  test("has checked arguments: no options, no traversal, no characters with a meaning", () => {
    for (const value of [
      "-v",
      "--help",
      "../../etc/passwd",
      "a/../../b",
      "..",
      "a;b",
      "a|b",
      "a&b",
      "$HOME",
      "$(id)",
      "`id`",
      "a>b",
      "'a b'",
      "*",
      "~",
      "a\\b",
      "é",
      "x".repeat(129),
      `""`
    ]) {
      expect({ value, reason: reasonOf(`docker logs ${value}`) }).toEqual({ value, reason: "invalid" })
    }
    for (const lines of ["0", "1001", "1e2", "0x10", "1.5", "NaN", "10;id"]) {
      expect(reasonOf(`docker logs web ${lines}`)).toBe("invalid")
    }
    for (const line of ["docker logs", "docker logs a 1 2", "docker ps -a", "docker ps; id", "unit stop"]) {
      expect(reasonOf(line)).toBe("invalid")
    }
    expect(ran("say '; rm -rf / $(id) `id` && x'")).toEqual(["echo", "; rm -rf / $(id) `id` && x"])
    expect(ran("say '$& $1 {text} {name}'")).toEqual(["echo", "$& $1 {text} {name}"])
  })

  test("that is malformed is rejected", () => {
    for (const line of [
      "",
      "   ",
      "say 'x",
      `say "x`,
      "say x\u0000y",
      "docker\nps",
      "docker\rps",
      "say \u001b[2J",
      "say \u202ex",
      "say \ud800",
      "x ".repeat(65),
      "x".repeat(5000)
    ]) {
      expect({ line, reason: reasonOf(line) }).toEqual({ line, reason: "malformed" })
    }
  })

  test("is divided at spaces only", () => {
    expect(Result.getOrThrow(tokenize(`a "b c" d'e f'g "" ''`))).toEqual(["a", "b c", "de fg", "", ""])
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z0-9$;|&\\*]{1,9}$/), { minLength: 1, maxLength: 9 }),
        (words) => {
          expect(Result.getOrThrow(tokenize(words.join(" ")))).toEqual(words)
          expect(Result.getOrThrow(tokenize(words.map((word) => `"${word}"`).join("  ")))).toEqual(words)
        }
      )
    )
    const began = performance.now()
    tokenize(`${"'a".repeat(2000)}`)
    tokenize("a'b'\"c\"".repeat(500) + "'")
    expect(performance.now() - began).toBeLessThan(500)
  })
})

describe("the section commands", () => {
  const problems = (command: unknown) =>
    Effect.runPromise(
      Effect.flatMap(ConfigSource, (config) => Effect.flip(config.read(section))).pipe(
        Effect.map(({ problems: [first] }) => `${first?.path}: ${first?.message}`),
        Effect.provide(ConfigSource.layerFrom({ commands: { named: { x: command } } }))
      )
    )

  test("rejects commands that cannot mean what they say", async () => {
    expect(await problems({ run: [] })).toStartWith("commands.named.x.run")
    expect(await problems({ run: ["echo"], arguments: [{ name: "a" }] })).toContain(
      "must be used in run as {a}"
    )
    expect(await problems({ run: ["{a}"], arguments: [{ name: "a" }] })).toContain(
      "the program cannot be an argument"
    )
    expect(await problems({ run: ["echo", "{a}"], arguments: [{ name: "a", pattern: "(" }] })).toContain(
      "regular expression"
    )
    expect(
      await problems({
        run: ["echo", "{a}", "{b}"],
        arguments: [{ name: "a", optional: true }, { name: "b" }]
      })
    ).toContain("must be optional")
  })
})
