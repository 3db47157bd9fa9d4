/** The command line: one file per command, and one line each here. */
import { Effect, Layer } from "effect"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Interactive from "../../layers/platform/cliPlatform.ts"
import { program } from "../domain/version.ts"
import { call } from "./call.ts"
import { config } from "./config.ts"
import * as configFlag from "./configFlag.ts"
import { doctor } from "./doctor.ts"
import { install } from "./install.ts"
import { list } from "./list.ts"
import { InvalidUsage, presenter } from "./invalidUsage.ts"
import { consoleOutput } from "./consoleOutput.ts"
import { prompt } from "./prompt.ts"
import { serve } from "./serve.ts"

const manifold = Command.make("manifold").pipe(
  Command.withDescription("One MCP endpoint: tools, models and other MCP servers behind it"),
  Command.withExamples([
    { command: "manifold install claude-desktop", description: "Let Claude Desktop start it" },
    { command: "manifold serve --http", description: "Serve HTTP on this machine" },
    { command: "manifold doctor", description: "Find out what is wrong" },
    {
      command: "manifold --completions bash > manifold.bash",
      description: "Completions to source from .bashrc"
    }
  ]),
  Command.withSubcommands([
    serve, // keep one line each
    call,
    list,
    prompt,
    config,
    install,
    doctor
  ]),
  Command.provide(configFlag.layer),
  Command.withGlobalFlags([configFlag.configFlag])
)

/** Without a wizard, and without a log level: `logging.level` and `serve --debug` set that. */
const settings = Layer.mergeAll(
  Interactive.layer,
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] }),
  CliOutput.layerPresenter(presenter)
)

export const run = Command.run(manifold, { version: program.version }).pipe(
  Effect.mapError((error) =>
    error instanceof CliError.ShowHelp && error.errors.length > 0 ? new InvalidUsage() : error
  ),
  Effect.provide(settings),
  consoleOutput
)
