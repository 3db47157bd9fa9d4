/** `manifold upstream import`: copies the servers of an AI client into the configuration file. */
import { Console, Effect } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as ClientFile from "../../../layers/clients/ClientFile.ts"
import { clients } from "../../../layers/clients/clients.ts"
import * as Places from "../../../layers/clients/clientPaths.ts"
import { foundation } from "../../program/baseLayers.ts"
import { change, open, type Entry } from "./editConfig.ts"
import { importable } from "./importable.ts"
import { jsonFlag } from "./jsonFlag.ts"
import { recordActs, serverOf } from "./recordAct.ts"

const ids = clients.map(({ id }) => id)

export const importCommand = Command.make(
  "import",
  {
    client: Argument.Literals("client", ids).pipe(Argument.withDescription(`One of ${ids.join(", ")}`)),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Show what would be imported without writing it"),
      Flag.withDefault(false)
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function* ({ client: id, dryRun, json }) {
    const client = clients.find((each) => each.id === id)
    if (client === undefined) return yield* Effect.die(new Error(`not a client: ${id}`))
    const path = (yield* Places.fileOf(client)) ?? ""
    const found = yield* ClientFile.servers(client, yield* ClientFile.read(client, path))
    const file = yield* open
    const imported: Record<string, Entry> = {}
    const skipped: Record<string, string> = {}
    for (const [name, entry] of Object.entries(found)) {
      const result = importable(name, entry, Object.hasOwn(file.servers, name))
      if ("reason" in result) skipped[name] = result.reason
      else imported[result.name] = result.entry
    }
    if (!dryRun) {
      yield* change(file, imported)
      yield* recordActs(
        Object.entries(imported).map(([server, entry]) => ({
          action: "upstream.add",
          server,
          details: { ...serverOf(entry), client: id }
        }))
      )
    }
    const names = Object.keys(imported)
    if (json) {
      return yield* Console.log(
        JSON.stringify({
          client: id,
          from: path,
          file: file.path,
          imported: names,
          skipped,
          written: !dryRun
        })
      )
    }
    for (const name of names) yield* Console.log(`${dryRun ? "would import" : "imported"}  ${name}`)
    for (const [name, reason] of Object.entries(skipped)) yield* Console.log(`skipped  ${name}: ${reason}`)
    if (names.length === 0) return yield* Console.log(`${client.title} has no servers to import (${path}).`)
    yield* Console.log(
      dryRun
        ? "Nothing was changed."
        : `Written to ${file.path}. To test one: manifold upstream test ${names[0]}`
    )
  }, Effect.provide(foundation))
).pipe(Command.withDescription("Copy the servers of an AI client into the configuration file"))
