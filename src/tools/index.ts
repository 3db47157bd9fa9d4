/** The list of tools: one file per tool, one line per tool here. */
import { Layer } from "effect"
import * as Toolset from "../catalog/toolkitEntries.ts"
import * as askModel from "./askModel.ts"
import * as askOpenai from "./askOpenai.ts"
import * as contentCreate from "./contentCreate.ts"
import * as echo from "./echo.ts"
import * as healthCheck from "./healthCheck.ts"
import * as math from "./math.ts"
import * as webFetch from "./webFetch.ts"

export const layer = Layer.mergeAll(
  Toolset.layer(askModel), // keep one line each
  Toolset.layer(askOpenai),
  Toolset.layer(contentCreate),
  Toolset.layer(echo),
  Toolset.layer(healthCheck),
  Toolset.layer(math),
  Toolset.layer(webFetch)
)
