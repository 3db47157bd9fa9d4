/** The section `mcpServers`: other MCP servers whose tools, prompts and resources are served here, as clients list them. */
import { Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import { PathSetting } from "../config/pathSettings.ts"
import { Secret } from "../config/Secret.ts"
import * as Section from "../config/Section.ts"
import { OAuthSettings } from "./oauth/OAuthSettings.ts"

const strings = Schema.Array(Schema.String)
const secrets = Schema.Record(Schema.String, Secret)
/** The part of a name before `__`: what every client and model provider accepts. */
const isPrefix = Schema.isPattern(/^[A-Za-z0-9_-]{0,32}$/)
const isServedName = Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/)
const patterns = (description: string) => Schema.optionalKey(strings.annotate({ description }))

/** Whether the headers contain a credential, instead of a sign-in. */
export const hasAuthorization = (headers: Readonly<Record<string, unknown>> = {}): boolean =>
  Object.keys(headers).some((name) => name.toLowerCase() === "authorization")

const server = () =>
  Schema.Struct({
    enabled: Section.optional(Schema.Boolean, true, "Whether the server is used."),
    command: Schema.optionalKey(
      Schema.NonEmptyString.annotate({ description: "Program that serves MCP on standard input and output." })
    ),
    args: Schema.optionalKey(strings.annotate({ description: "Its arguments." })),
    cwd: Schema.optionalKey(PathSetting("Its working folder. Default: the user's home folder.")),
    env: Schema.optionalKey(
      secrets.annotate({
        description:
          "Its environment, besides PATH, HOME and the like; the variables of this process are not passed on."
      })
    ),
    url: Schema.optionalKey(
      Schema.String.check(
        Schema.isPattern(/^(https?|wss?):\/\/[^\s/]+/, { expected: "a URL such as https://example.com/mcp" })
      ).annotate({ description: "Address of a server that runs elsewhere, instead of `command`." })
    ),
    type: Schema.optionalKey(
      Schema.Literals(["stdio", "http", "sse", "ws"]).annotate({
        description:
          "Transport. Default: `stdio` with a command, `ws` with a URL that begins with ws, else `http`; `sse` is HTTP+SSE of 2024-11-05."
      })
    ),
    headers: Schema.optionalKey(secrets.annotate({ description: "Headers of every request to `url`." })),
    oauth: Schema.optionalKey(
      OAuthSettings.annotate({
        description:
          "Sign-in at `url` with OAuth 2.1. Default: a server that responds with 401 and names an authorization server is signed in to, unless `headers` has Authorization."
      })
    ),
    credentials: Schema.optionalKey(
      Schema.Literals(["shared", "per_user"]).annotate({
        description:
          "`shared` (default): one sign-in for all callers. `per_user`: each principal signs in with its own account, and sees its own tools, prompts and resources."
      })
    ),
    prefix: Schema.optionalKey(
      Schema.String.check(isPrefix).annotate({
        description:
          "Prefix of the names of its entries, before `__`. Default: the server's name. Empty: none, for one server whose names are served as they are."
      })
    ),
    allow: patterns("Names of its tools that are served, where `*` matches anything. Default: all."),
    deny: patterns("Names of its tools that are not served, where `*` matches anything."),
    rename: Schema.optionalKey(
      Schema.Record(Schema.String, Schema.String.check(isServedName)).annotate({
        description:
          "Other names of its tools and prompts, by the server's own names. The prefix comes before them."
      })
    ),
    idle_timeout: Schema.optionalKey(
      DurationSetting.pipe(
        Schema.annotateEncoded({
          description:
            "End the process of `command` after it is unused for this long; the next call starts it again. Default: never."
        })
      )
    ),
    on_change: Schema.optionalKey(
      Schema.Literals(["report", "hold"]).annotate({
        description:
          "Reaction to a changed tool definition: `report` it in the log (default), or also `hold` the tool back until `manifold upstream approve`."
      })
    ),
    sampling: Schema.optionalKey(
      Schema.Boolean.annotate({
        description:
          "Whether the active model of `llm` answers its sampling requests for a client that has no model, within the caller's budget. Default: true."
      })
    ),
    time_limit: Section.optional(
      DurationSetting,
      "60 seconds",
      "Time limit of one call, extended while it reports progress up to `limits.max_duration`."
    )
  }).check(
    Schema.makeFilter(({ command, credentials, headers, oauth, type, url }) => {
      if (oauth !== undefined && url === undefined) return { path: ["oauth"], issue: "requires a url" }
      if (oauth !== undefined && hasAuthorization(headers)) {
        return { path: ["oauth"], issue: "remove the header Authorization, which replaces the sign-in" }
      }
      if (credentials === "per_user") {
        if (url === undefined) return { path: ["credentials"], issue: "per_user requires a url" }
        if (hasAuthorization(headers) || oauth?.grant === "client_credentials") {
          return { path: ["credentials"], issue: "per_user requires a sign-in of each user" }
        }
      }
      if (command !== undefined && url !== undefined)
        return { path: ["url"], issue: "give either command or url" }
      if (command === undefined && url === undefined) return "give command or url"
      const stdio = type === "stdio"
      if (type === undefined) return true
      if (stdio !== (command !== undefined))
        return { path: ["type"], issue: stdio ? "stdio needs a command" : `${type} needs a url` }
      if (url === undefined || (type === "ws") === /^wss?:/.test(url)) return true
      return {
        path: ["type"],
        issue: `${type} needs a url that begins with ${type === "ws" ? "ws" : "http"}`
      }
    })
  )

export const section = Section.record("mcpServers", server, {
  description:
    "Other MCP servers, by name, as AI clients list them. Their tools, prompts and resources are served under `<name>__<tool>`."
})

export type ServerSettings = (typeof section)["schema"]["Type"][string]
