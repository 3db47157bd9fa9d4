/** `manifold install <client>`: writes this program into an AI client's list of MCP servers. */
import { Console, Effect, FileSystem, Option, Path } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as ClientFile from "../../layers/clients/ClientFile.ts"
import { ClientFileError } from "../../layers/clients/ClientFileError.ts"
import { ConfigFile, namedFile } from "../../layers/config/ConfigDocument.ts"
import { type Client, type ClientId, type Entry, clients } from "../../layers/clients/clients.ts"
import { runnerOf } from "../../layers/clients/entryProblems.ts"
import * as Places from "../../layers/clients/clientPaths.ts"
import { mask, preview } from "../../layers/clients/previewEntry.ts"
import { Machine } from "../../layers/platform/Machine.ts"
import { UsageError } from "./UsageError.ts"
import { colorize } from "./terminalColors.ts"

const flag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

const known: ReadonlyArray<Client> = clients
const ids: ReadonlyArray<ClientId> = clients.map(({ id }) => id)

/** What clients accept as a server's name. */
const goodName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

/** The machine, unless what runs this program is in a cache: the entry would soon start nothing. */
const durable = Effect.gen(function* () {
  const machine = yield* Machine
  const { args, command } = machine.launch
  const cached = [command, args.at(-1) ?? command].find((path) => runnerOf(path) !== undefined)
  if (cached === undefined) return machine
  return yield* new UsageError({
    detail:
      `${cached} is in the cache of ${runnerOf(cached)}, which is emptied at times; the client would then start nothing. ` +
      `Build the binary with \`bun run build\`, put dist/manifold where it stays and run its install, ` +
      `or install Bun for good (npm install -g bun) and run this again with it`
  })
})

const wantedEntry = Effect.fnUntraced(function* (
  client: Client,
  { http }: { readonly http: Option.Option<string> }
) {
  const config = yield* ConfigFile
  if (Option.isSome(http)) {
    if (client.http === undefined) {
      return yield* new UsageError({
        detail: `${client.title} can name no URL in its file: leave out --http, so that it starts the server itself`
      })
    }
    if (config !== undefined) {
      return yield* new UsageError({
        detail: "--config is for a server that the client starts, not for --http"
      })
    }
    if (!/^https?:\/\//i.test(http.value) || !URL.canParse(http.value)) {
      return yield* new UsageError({ detail: `--http needs a URL such as http://127.0.0.1:8000/mcp` })
    }
    return client.http(http.value)
  }
  const { launch } = yield* durable
  if (config === undefined)
    return client.stdio({ command: launch.command, args: [...launch.args, "serve"] }, {})
  const file = (yield* namedFile) ?? config
  if (!(yield* (yield* FileSystem.FileSystem).exists(file))) {
    return yield* new UsageError({ detail: `There is no configuration file ${file}` })
  }
  const env = { MCP_CONFIG_PATH: file }
  return client.stdio({ command: launch.command, args: [...launch.args, "serve"] }, env)
})

/** The file to change; refuses when the client does not seem to be there, unless `force`. */
const place = Effect.fnUntraced(function* (
  client: Client,
  { force, folder }: { readonly force: boolean; readonly folder: string | undefined }
) {
  const path = yield* Places.fileOf(client, folder)
  if (path === undefined) {
    return yield* new UsageError({
      detail: `${client.title} reads no file of a project: leave out --project`
    })
  }
  if (folder !== undefined || force || (yield* Places.isInstalled(client))) return path
  return yield* new ClientFileError({
    reason: "absent",
    path,
    message: `${client.title} seems not to be installed: nothing of it was found where ${path} should be. Start it once, or say --force to make the file`
  })
})

const agree = Effect.fnUntraced(function* (question: string, json: boolean) {
  const { canPrompt } = yield* TerminalCapabilities
  if (json || !canPrompt) {
    return yield* new UsageError({
      detail: "Nobody can be asked here: say --yes, or --dry-run to see the change only"
    })
  }
  return yield* Prompt.run(Prompt.Confirm({ message: question })).pipe(
    Effect.catchTag("QuitError", () => Effect.succeed(false))
  )
})

const colors = { "-": "red", "+": "green", " ": "plain" } as const

const change = (before: unknown, after: Entry | undefined) => {
  if (after === undefined) return "removed"
  return before === undefined ? "added" : "updated"
}

export const install = Command.make(
  "install",
  {
    client: Argument.Literals("client", ids).pipe(Argument.withDescription(`One of ${ids.join(", ")}`)),
    name: Flag.String("name").pipe(
      Flag.withDescription("The server's name in the client (manifold)"),
      Flag.withDefault("manifold")
    ),
    http: Flag.String("http").pipe(
      Flag.withMetavar("url"),
      Flag.withDescription("Name a running service instead of a program to start"),
      Flag.optional
    ),
    project: flag("project", "Write the file of the project in this folder, not the user's"),
    remove: flag("remove", "Take the entry out again"),
    yes: flag("yes", "Do not ask").pipe(Flag.withAlias("y")),
    dryRun: flag("dry-run", "Show the change, and write nothing"),
    force: flag("force", "Make the file although the client seems not to be installed"),
    json: flag("json", "Print what was done as JSON")
  },
  Effect.fnUntraced(function* (input) {
    const { dryRun, force, json, name, project, remove, yes } = input
    if (!goodName.test(name)) {
      return yield* new UsageError({ detail: "--name takes up to 64 letters, digits, - and _" })
    }
    const client = known.find(({ id }) => id === input.client)
    if (client === undefined) return yield* Effect.die(new Error(`not a client: ${input.client}`))
    const wanted = remove ? undefined : yield* wantedEntry(client, input)
    const folder = project ? (yield* Path.Path).resolve(".") : undefined
    // A preview changes nothing, wherever the client is.
    const path = yield* place(client, { force: force || remove || dryRun, folder })
    const file = yield* ClientFile.read(client, path, folder)
    const servers = yield* ClientFile.servers(client, file)
    const before = Object.hasOwn(servers, name) ? servers[name] : undefined
    const after = wanted && ClientFile.merge(before, wanted)
    const next = yield* ClientFile.edit(client, file, name, after)

    const say = (what: string, written: boolean, backup?: string) =>
      json
        ? Console.log(
            JSON.stringify({
              client: client.id,
              file: path,
              name,
              change: what,
              written,
              ...(after !== undefined && { entry: mask(after) }),
              ...(backup !== undefined && { backup })
            })
          )
        : Effect.void

    if (next === file.text && (remove || !file.marked)) {
      yield* say("none", false)
      if (json) return
      return yield* Console.log(
        remove ? `${client.title} does not have "${name}".` : `${client.title} has "${name}" already.`
      )
    }
    const what = change(before, after)
    if (!json) {
      const style = yield* colorize
      const link = file.target === path ? "" : ` (a link to ${file.target})`
      yield* Console.log(`${path}${link}, under "${client.key}":`)
      if (file.marked) yield* Console.log(style("red", "- byte order mark, which not every client can read"))
      for (const { sign, text: line } of preview(name, before, after)) {
        yield* Console.log(style(colors[sign], `${sign} ${line}`))
      }
    }
    if (dryRun) {
      yield* say(what, false)
      return json ? undefined : yield* Console.log("Nothing was written.")
    }
    if (!yes && !(yield* agree(`Change ${client.title}'s file?`, json))) {
      return yield* Console.log("Nothing was written.")
    }
    const backup = yield* ClientFile.write(file, next)
    yield* say(what, true, backup)
    if (json) return
    yield* Console.log(
      [
        `Written.`,
        ...(backup === undefined ? [] : [`The file as it was: ${backup}`]),
        remove ? client.afterwards.removed : client.afterwards.written
      ].join("\n")
    )
  })
).pipe(
  Command.withDescription("Write this program into an AI client's list of MCP servers"),
  Command.withExamples([
    { command: "manifold install claude-desktop", description: "Show the change, ask, and write it" },
    { command: "manifold install vscode --config manifold.yaml --yes", description: "With a configuration" },
    {
      command: "manifold install cursor --http http://127.0.0.1:8000/mcp",
      description: "A service that runs already"
    },
    { command: "manifold install claude-code --remove", description: "Take it out again" }
  ])
)
