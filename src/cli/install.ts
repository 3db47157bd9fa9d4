/** `manifold install <client>`: adds manifold to an AI client's configuration file, or removes it. */
import { Console, Effect, FileSystem, Option, Path } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as ClientFile from "../../layers/clients/ClientFile.ts"
import { ClientFileError } from "../../layers/clients/ClientFileError.ts"
import { ConfigFile, namedFile } from "../../layers/config/ConfigDocument.ts"
import { type Client, type ClientId, type Entry, clients } from "../../layers/clients/clients.ts"
import * as Places from "../../layers/clients/clientPaths.ts"
import { mask, preview } from "../../layers/clients/previewEntry.ts"
import { confirm } from "./confirm.ts"
import { durableMachine } from "./durableMachine.ts"
import { UsageError } from "./UsageError.ts"
import { colorize } from "./terminalColors.ts"

const flag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

const known: ReadonlyArray<Client> = clients
const ids: ReadonlyArray<ClientId> = clients.map(({ id }) => id)

/** Server names that all clients accept. */
const validName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

const newEntry = Effect.fnUntraced(function* (
  client: Client,
  { http }: { readonly http: Option.Option<string> }
) {
  const config = yield* ConfigFile
  if (Option.isSome(http)) {
    if (client.http === undefined) {
      return yield* new UsageError({
        detail: `${client.title} does not support URLs in its configuration file. Omit --http so that it starts the server`
      })
    }
    if (config !== undefined) {
      return yield* new UsageError({
        detail: "--config has no effect on a running service. Omit --config or --http"
      })
    }
    if (!/^https?:\/\//i.test(http.value) || !URL.canParse(http.value)) {
      return yield* new UsageError({ detail: `--http expects a URL such as http://127.0.0.1:8000/mcp` })
    }
    return client.http(http.value)
  }
  const { launch } = yield* durableMachine("The client")
  if (config === undefined)
    return client.stdio({ command: launch.command, args: [...launch.args, "serve"] }, {})
  const file = (yield* namedFile) ?? config
  if (!(yield* (yield* FileSystem.FileSystem).exists(file))) {
    return yield* new UsageError({ detail: `Configuration file ${file} does not exist` })
  }
  const env = { MCP_CONFIG_PATH: file }
  return client.stdio({ command: launch.command, args: [...launch.args, "serve"] }, env)
})

/** The file to change. Fails if the client is not installed, unless `force` is set. */
const fileToChange = Effect.fnUntraced(function* (
  client: Client,
  { force, folder }: { readonly force: boolean; readonly folder: string | undefined }
) {
  const path = yield* Places.fileOf(client, folder)
  if (path === undefined) {
    return yield* new UsageError({
      detail: `${client.title} does not support configuration files of projects. Omit --project`
    })
  }
  if (folder !== undefined || force || (yield* Places.isInstalled(client))) return path
  return yield* new ClientFileError({
    reason: "absent",
    path,
    message: `${client.title} does not seem to be installed: the folder of ${path} does not exist. Start it once, or pass --force to create the file`
  })
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
      Flag.withDescription("Name of the server in the client (default: manifold)"),
      Flag.withDefault("manifold")
    ),
    http: Flag.String("http").pipe(
      Flag.withMetavar("url"),
      Flag.withDescription("Connect to a running service instead of starting the program"),
      Flag.optional
    ),
    project: flag("project", "Change the configuration file of the project in this folder, not the user's"),
    remove: flag("remove", "Remove the entry"),
    yes: flag("yes", "Apply the change without prompting").pipe(Flag.withAlias("y")),
    dryRun: flag("dry-run", "Show the change without writing it"),
    force: flag("force", "Create the file even if the client does not seem to be installed"),
    json: flag("json", "Print the result as JSON")
  },
  Effect.fnUntraced(function* (input) {
    const { dryRun, force, json, name, project, remove, yes } = input
    if (!validName.test(name)) {
      return yield* new UsageError({
        detail: "--name must be 1 to 64 letters, digits, - and _, and start with a letter or digit"
      })
    }
    const client = known.find(({ id }) => id === input.client)
    if (client === undefined) return yield* Effect.die(new Error(`not a client: ${input.client}`))
    const wanted = remove ? undefined : yield* newEntry(client, input)
    const folder = project ? (yield* Path.Path).resolve(".") : undefined
    // A preview and a removal do not need an installed client.
    const path = yield* fileToChange(client, { force: force || remove || dryRun, folder })
    const file = yield* ClientFile.read(client, path, folder)
    const servers = yield* ClientFile.servers(client, file)
    const before = Object.hasOwn(servers, name) ? servers[name] : undefined
    const after = wanted && ClientFile.merge(before, wanted)
    const next = yield* ClientFile.edit(client, file, name, after)

    const report = (what: string, written: boolean, backup?: string) =>
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
      yield* report("none", false)
      if (json) return
      return yield* Console.log(
        remove ? `${client.title} does not have "${name}".` : `${client.title} already has "${name}".`
      )
    }
    const what = change(before, after)
    if (!json) {
      const style = yield* colorize
      const link = file.target === path ? "" : ` (a link to ${file.target})`
      yield* Console.log(`${path}${link}, under "${client.key}":`)
      if (file.marked) yield* Console.log(style("red", "- byte order mark, which some clients cannot read"))
      for (const { sign, text: line } of preview(name, before, after)) {
        yield* Console.log(style(colors[sign], `${sign} ${line}`))
      }
    }
    if (dryRun) {
      yield* report(what, false)
      return json ? undefined : yield* Console.log("Nothing was changed.")
    }
    if (!yes && !(yield* confirm(`Change the configuration of ${client.title}?`, json))) {
      return yield* Console.log("Nothing was changed.")
    }
    const backup = yield* ClientFile.write(file, next)
    yield* report(what, true, backup)
    if (json) return
    yield* Console.log(
      [
        `Done.`,
        ...(backup === undefined ? [] : [`Backup of the previous file: ${backup}`]),
        remove ? client.afterwards.removed : client.afterwards.written
      ].join("\n")
    )
  })
).pipe(
  Command.withDescription("Add manifold to an AI client's configuration, or remove it"),
  Command.withExamples([
    { command: "manifold install claude-desktop", description: "Show the change, prompt, and apply it" },
    {
      command: "manifold install vscode --config manifold.yaml --yes",
      description: "With a configuration file"
    },
    {
      command: "manifold install cursor --http http://127.0.0.1:8000/mcp",
      description: "Connect to a running service"
    },
    { command: "manifold install claude-code --remove", description: "Remove the entry" }
  ])
)
