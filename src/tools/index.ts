/** The list of tools: one file per tool, one line per tool here. */
import { Layer } from "effect"
import * as toolkitEntries from "../catalog/toolkitEntries.ts"
import * as askModel from "./askModel.ts"
import * as askOpenai from "./askOpenai.ts"
import * as certificates from "./certificates.ts"
import * as contentCreate from "./contentCreate.ts"
import * as createImage from "./createImage.ts"
import * as echo from "./echo.ts"
import * as healthCheck from "./healthCheck.ts"
import * as logs from "./logs.ts"
import * as math from "./math.ts"
import * as proxies from "./proxies.ts"
import * as resources from "./resources.ts"
import * as runCommand from "./runCommand.ts"
import * as services from "./services.ts"
import * as tokens from "./tokens.ts"
import * as webFetch from "./webFetch.ts"

export const layer = Layer.mergeAll(
  toolkitEntries.layer(askModel), // keep one line each
  toolkitEntries.layer(askOpenai),
  toolkitEntries.layer(certificates),
  toolkitEntries.layer(contentCreate),
  toolkitEntries.layer(createImage),
  toolkitEntries.layer(echo),
  toolkitEntries.layer(healthCheck),
  toolkitEntries.layer(logs),
  toolkitEntries.layer(math),
  toolkitEntries.layer(proxies),
  toolkitEntries.layer(resources),
  toolkitEntries.layer(runCommand),
  toolkitEntries.layer(services),
  toolkitEntries.layer(tokens),
  toolkitEntries.layer(webFetch)
)
