/** `manifold upstream login|logout`: signs in at a configured server with a browser, and forgets a sign-in. */
import { Console, Effect, Layer, References } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as http from "../../../layers/http/section.ts"
import * as mcp from "../../mcp/section.ts"
import { accounts } from "../../program/accounts.ts"
import { foundation } from "../../program/baseLayers.ts"
import { accountOf, ownPrincipal } from "../../upstreams/accountOf.ts"
import { signInSettings } from "../../upstreams/signInSettings.ts"
import { UsageError } from "../UsageError.ts"
import { configuredServer } from "./configured.ts"
import { jsonFlag } from "./jsonFlag.ts"
import { recordAct } from "./recordAct.ts"

const name = Argument.String("name").pipe(Argument.withDescription("Name in mcpServers"))

const services = accounts.pipe(
  Layer.provideMerge(foundation),
  // The output of the command says what happened.
  Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "None"))
)

const accountAt = Effect.fnUntraced(function* (server: string) {
  const settings = yield* configuredServer(server)
  const signIn = (yield* signInSettings)(server, settings, ownPrincipal(settings))
  const account = yield* accountOf(settings, signIn, Effect.void)
  if (account === undefined || settings.oauth?.grant === "client_credentials") {
    return yield* new UsageError({
      detail: `There is no sign-in at ${server}: it is a command, or its entry has the credentials`
    })
  }
  return { account, settings }
})

export const login = Command.make(
  "login",
  { name, json: jsonFlag },
  Effect.fnUntraced(
    function* ({ json, name: server }) {
      const { account, settings } = yield* accountAt(server)
      const config = yield* ConfigSource
      const { connection } = yield* config.read(mcp.section)
      const { max_message_bytes } = yield* config.read(http.section)
      const { probe } = yield* Effect.promise(() => import("../../upstreams/probe.ts"))
      // The response of the server names its authorization server and the scopes.
      yield* probe({
        name: server,
        settings,
        account,
        maxMessageBytes: max_message_bytes,
        timeout: connection.connection_timeout
      })
      const { done, url } = yield* account.signIn()
      yield* Console.log(
        json
          ? JSON.stringify({ name: server, url })
          : `Open this page in a browser on this machine:\n\n${url}\n`
      )
      yield* done
      yield* recordAct({ action: "upstream.login", server })
      yield* Console.log(
        json
          ? JSON.stringify({ name: server, signed_in: true })
          : `Signed in to ${server}. A running service uses it within seconds.`
      )
    },
    Effect.scoped,
    Effect.provide(services)
  )
).pipe(Command.withDescription("Sign in at a server with a browser"))

export const logout = Command.make(
  "logout",
  { name, json: jsonFlag },
  Effect.fnUntraced(
    function* ({ json, name: server }) {
      const { account } = yield* accountAt(server)
      yield* account.forget
      yield* recordAct({ action: "upstream.logout", server })
      yield* Console.log(
        json
          ? JSON.stringify({ name: server, signed_in: false })
          : `Removed the stored sign-in at ${server}. Its authorization server still lists this program.`
      )
    },
    Effect.scoped,
    Effect.provide(services)
  )
).pipe(Command.withDescription("Remove the stored sign-in at a server"))
