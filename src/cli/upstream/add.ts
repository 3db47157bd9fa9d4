/** `manifold upstream add|remove`: changes the servers of the configuration file. */
import { Console, Effect, Option } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { foundation } from "../../program/baseLayers.ts"
import { UsageError } from "../UsageError.ts"
import { unknownServer } from "./configured.ts"
import { change, open, type Entry } from "./editConfig.ts"
import { jsonFlag } from "./jsonFlag.ts"
import { recordAct, serverOf } from "./recordAct.ts"

const name = Argument.String("name").pipe(Argument.withDescription("Name in mcpServers"))
const validName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/

const pairs = (given: ReadonlyArray<string>, separator: string, flag: string) =>
  Effect.map(
    Effect.forEach(given, (each) => {
      const at = each.indexOf(separator)
      return at < 1
        ? Effect.fail(new UsageError({ detail: `${flag} ${each}: write NAME${separator}VALUE` }))
        : Effect.succeed([each.slice(0, at).trim(), each.slice(at + 1).trim()] as const)
    }),
    (found): Entry => Object.fromEntries(found)
  )

const report = (json: boolean, done: string, result: object) =>
  Console.log(json ? JSON.stringify(result) : done)

export const add = Command.make(
  "add",
  {
    name,
    command: Argument.String("command").pipe(
      Argument.withDescription("Program and arguments; write -- before them"),
      Argument.variadic()
    ),
    url: Flag.String("url").pipe(
      Flag.withDescription("Address of a server that runs elsewhere, instead of a command"),
      Flag.optional
    ),
    header: Flag.String("header").pipe(
      Flag.withMetavar("name:value"),
      Flag.withDescription("Header of every request to the URL, such as Authorization:env:TOKEN"),
      Flag.between(0, 32)
    ),
    env: Flag.String("env").pipe(
      Flag.withMetavar("name=value"),
      Flag.withDescription("Variable of the process, such as TOKEN=env:TOKEN"),
      Flag.between(0, 64)
    ),
    replace: Flag.Boolean("replace").pipe(
      Flag.withDescription("Replace the server of that name"),
      Flag.withDefault(false)
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function* (input) {
    const { json, replace } = input
    const [command, ...args] = input.command
    const url = Option.getOrUndefined(input.url)
    if ((command === undefined) === (url === undefined)) {
      return yield* new UsageError({ detail: "Give either a command after -- or --url" })
    }
    if (!validName.test(input.name)) {
      return yield* new UsageError({
        detail: "The name must be 1 to 32 letters, digits, - and _, and start with a letter or digit"
      })
    }
    const headers = yield* pairs(input.header, ":", "--header")
    const env = yield* pairs(input.env, "=", "--env")
    const entry: Entry = {
      ...(command !== undefined && { command }),
      ...(args.length > 0 && { args }),
      ...(url !== undefined && { url }),
      ...(Object.keys(headers).length > 0 && { headers }),
      ...(Object.keys(env).length > 0 && { env })
    }
    const file = yield* open
    const isKnown = Object.hasOwn(file.servers, input.name)
    if (isKnown && !replace) {
      return yield* new UsageError({
        detail: `${file.path} already has the server ${input.name}. To replace it: --replace`
      })
    }
    yield* change(file, { [input.name]: entry })
    yield* recordAct({
      action: "upstream.add",
      server: input.name,
      details: { ...serverOf(entry), replaced: isKnown }
    })
    yield* report(
      json,
      `Added ${input.name} to ${file.path}. To test it: manifold upstream test ${input.name}`,
      { file: file.path, name: input.name, change: "added" }
    )
  }, Effect.provide(foundation))
).pipe(
  Command.withDescription("Add a server to the configuration file"),
  Command.withExamples([
    {
      command: "manifold upstream add files -- npx -y @modelcontextprotocol/server-filesystem /home/me",
      description: "A program that manifold starts"
    },
    {
      command:
        "manifold upstream add issues --url https://issues.example.com/mcp --header Authorization:env:TOKEN",
      description: "A server that runs elsewhere; the variable TOKEN has the whole header"
    }
  ])
)

export const remove = Command.make(
  "remove",
  { name, json: jsonFlag },
  Effect.fnUntraced(function* ({ json, name: server }) {
    const file = yield* open
    if (!Object.hasOwn(file.servers, server)) {
      return yield* unknownServer(server, Object.keys(file.servers))
    }
    yield* change(file, { [server]: undefined })
    yield* recordAct({ action: "upstream.remove", server })
    yield* report(json, `Removed ${server} from ${file.path}.`, {
      file: file.path,
      name: server,
      change: "removed"
    })
  }, Effect.provide(foundation))
).pipe(Command.withDescription("Remove a server from the configuration file"))
