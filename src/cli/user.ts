/** `manifold user add|list|set|passwd|remove`: accounts of people who sign in at the OAuth server. */
import { Console, DateTime, Effect, Redacted, Schema, Stdio, Stream } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { Accounts, type Account } from "../../layers/identity/oauth/Accounts.ts"
import { ScopeName } from "../../layers/identity/ScopeName.ts"
import { userAccounts } from "../program/userAccounts.ts"
import { UsageError } from "./UsageError.ts"
import { jsonFlag } from "./upstream/jsonFlag.ts"

const nameArgument = Argument.String("name").pipe(Argument.withDescription("Name of the account"))

/** Asked twice at a terminal; otherwise the first line of standard input. */
const newPassword = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  if (!(yield* stdio.stdinIsTerminal)) {
    const given = yield* Stream.mkString(Stream.decodeText(stdio.stdin))
    return given.split(/\r?\n/, 1)[0] ?? ""
  }
  const { canPrompt } = yield* TerminalCapabilities
  if (!canPrompt) return yield* new UsageError({ detail: "Write the password to standard input." })
  const ask = (message: string) =>
    Effect.map(Prompt.run(Prompt.Password({ message })), (given) => Redacted.value(given))
  const password = yield* ask("Password")
  if (password !== (yield* ask("The same password again"))) {
    return yield* new UsageError({ detail: "The two passwords differ. Run the command again." })
  }
  return password
})

const asUsage = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.mapError(self, (error) =>
    typeof error === "object" && error !== null && "_tag" in error && error._tag === "AccountError"
      ? new UsageError({ detail: "message" in error ? String(error.message) : "" })
      : error
  )

const decodeScopes = Schema.decodeUnknownEffect(Schema.Array(ScopeName).check(Schema.isMinLength(1)))

const shown = ({ createdAt, name, scopes, signedInAt }: Account) => ({
  name,
  scopes,
  created_at: DateTime.formatIso(DateTime.makeUnsafe(createdAt)),
  last_sign_in_at: signedInAt === undefined ? null : DateTime.formatIso(DateTime.makeUnsafe(signedInAt))
})

const scopesDescription = "Comma-separated scopes that clients may get in the name of the account"

/** Decodes the flag. */
const scopesOf = (scopes: string) =>
  Effect.mapError(
    decodeScopes(scopes.split(/[,\s]+/).filter((scope) => scope !== "")),
    (error) => new UsageError({ detail: `--scopes ${scopes}: ${error.message}` })
  )

const add = Command.make(
  "add",
  {
    name: nameArgument,
    scopes: Flag.String("scopes").pipe(
      Flag.withDescription(scopesDescription),
      Flag.withDefault("read,call")
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function* ({ json, name, scopes }) {
    const decoded = yield* scopesOf(scopes)
    const accounts = yield* Accounts
    const account = yield* asUsage(accounts.add({ name, password: yield* newPassword, scopes: decoded }))
    yield* Console.log(
      json
        ? JSON.stringify(shown(account))
        : `Created the account ${account.name} with the scopes ${account.scopes.join(", ")}.`
    )
  }, Effect.provide(userAccounts))
).pipe(
  Command.withDescription("Create an account; asks for its password"),
  Command.withExamples([
    { command: "manifold user add alice", description: "An account with the scopes read and call" },
    {
      command: "manifold user add ops --scopes read,call,admin < password.txt",
      description: "The password from the first line of a file"
    }
  ])
)

const list = Command.make(
  "list",
  { json: jsonFlag },
  Effect.fnUntraced(function* ({ json }) {
    const accounts = (yield* (yield* Accounts).list).map(shown)
    if (json) return yield* Console.log(JSON.stringify(accounts))
    if (accounts.length === 0) {
      return yield* Console.log("No accounts. To create one: manifold user add <name>")
    }
    for (const { last_sign_in_at, name, scopes } of accounts) {
      const last = last_sign_in_at?.slice(0, 16).replace("T", " ") ?? "never"
      yield* Console.log(`${name}  ${scopes.join(",")}  last sign-in ${last}`)
    }
  }, Effect.provide(userAccounts))
).pipe(Command.withDescription("List the accounts"))

const remove = Command.make(
  "remove",
  { name: nameArgument },
  Effect.fnUntraced(function* ({ name }) {
    yield* asUsage((yield* Accounts).remove(name))
    yield* Console.log(`Removed the account ${name}. Its clients lose access within a second.`)
  }, Effect.provide(userAccounts))
).pipe(Command.withDescription("Remove an account and revoke the access of its clients"))

const set = Command.make(
  "set",
  {
    name: nameArgument,
    scopes: Flag.String("scopes").pipe(Flag.withDescription(scopesDescription)),
    json: jsonFlag
  },
  Effect.fnUntraced(function* ({ json, name, scopes }) {
    const account = yield* asUsage((yield* Accounts).setScopes(name, yield* scopesOf(scopes)))
    yield* Console.log(
      json
        ? JSON.stringify(shown(account))
        : `The account ${account.name} has the scopes ${account.scopes.join(", ")}. Clients lose removed ones within a second.`
    )
  }, Effect.provide(userAccounts))
).pipe(
  Command.withDescription("Change the scopes of an account"),
  Command.withExamples([
    {
      command: "manifold user set alice --scopes read,call,admin",
      description: "Make alice an administrator"
    }
  ])
)

const passwd = Command.make(
  "passwd",
  { name: nameArgument },
  Effect.fnUntraced(function* ({ name }) {
    const accounts = yield* Accounts
    yield* asUsage(accounts.setPassword(name, yield* newPassword))
    yield* Console.log(`Changed the password of ${name}. Its browsers and clients must sign in again.`)
  }, Effect.provide(userAccounts))
).pipe(Command.withDescription("Change the password of an account, and end its sessions and access"))

export const user = Command.make("user").pipe(
  Command.withDescription("Manage the accounts that sign in at the OAuth server"),
  Command.withSubcommands([add, list, set, passwd, remove])
)
