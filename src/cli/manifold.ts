/** The command line: one file per command, one line per command here. */
import { Effect, Layer } from "effect"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Interactive from "../../layers/platform/cliPlatform.ts"
import { fullVersion } from "../domain/version.ts"
import { audit } from "./audit.ts"
import { backup } from "./backup.ts"
import { ca } from "./ca.ts"
import { call } from "./call.ts"
import { certificate } from "./certificate.ts"
import { chat } from "./chat.ts"
import { config } from "./config.ts"
import * as configFlag from "./configFlag.ts"
import { doctor } from "./doctor.ts"
import { health } from "./health.ts"
import { install } from "./install.ts"
import { list } from "./list.ts"
import { InvalidUsage, presenter } from "./invalidUsage.ts"
import { consoleOutput } from "./consoleOutput.ts"
import { prompt } from "./prompt.ts"
import { proxy } from "./proxy.ts"
import { restore } from "./restore.ts"
import { serve } from "./serve.ts"
import { service } from "./service.ts"
import { token } from "./token.ts"
import { upstream } from "./upstream.ts"
import { usage } from "./usage.ts"
import { user } from "./user.ts"

const manifold = Command.make("manifold").pipe(
  Command.withDescription("Serve tools, prompts and resources over one MCP endpoint"),
  Command.withExamples([
    { command: "manifold install claude-desktop", description: "Add manifold to Claude Desktop" },
    { command: "manifold serve --http", description: "Serve HTTP on this machine" },
    { command: "manifold doctor", description: "Check this installation" },
    {
      command: "manifold --completions bash > manifold.bash",
      description: "Shell completions, to source from .bashrc"
    }
  ]),
  Command.withSubcommands([
    serve, // keep one line each
    call,
    chat,
    list,
    prompt,
    upstream,
    token,
    proxy,
    certificate,
    ca,
    user,
    config,
    install,
    service,
    usage,
    audit,
    backup,
    restore,
    health,
    doctor
  ]),
  Command.provide(configFlag.layer),
  Command.withGlobalFlags([configFlag.configFlag])
)

/** No wizard and no `--log-level` flag: `logging.level` and `serve --debug` set the log level. */
const settings = Layer.mergeAll(
  Interactive.layer,
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] }),
  CliOutput.layerPresenter(presenter)
)

export const run = Command.run(manifold, { version: fullVersion }).pipe(
  Effect.mapError((error) =>
    error instanceof CliError.ShowHelp && error.errors.length > 0 ? new InvalidUsage() : error
  ),
  Effect.provide(settings),
  consoleOutput
)
