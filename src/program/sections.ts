/** The list of configuration sections, all of which are checked before the program starts. */
import * as audit from "../../layers/audit/section.ts"
import * as edge from "../../layers/edge/section.ts"
import * as content from "../../layers/output/section.ts"
import * as http from "../../layers/http/section.ts"
import * as auth from "../../layers/identity/section.ts"
import * as limits from "../../layers/guard/section.ts"
import * as prices from "../../layers/ledger/section.ts"
import * as logging from "../../layers/logging/section.ts"
import * as commands from "../../layers/commands/section.ts"
import * as containers from "../../layers/containers/section.ts"
import * as models from "../../layers/models/section.ts"
import * as outbound from "../../layers/outbound/section.ts"
import * as quotas from "../../layers/quotas/section.ts"
import * as storage from "../../layers/storage/section.ts"
import * as telemetry from "../../layers/telemetry/section.ts"
import * as templates from "../../layers/templates/section.ts"
import * as usage from "../../layers/usage/section.ts"
import * as web from "../../layers/web/section.ts"
import * as upstream from "../../layers/upstream/section.ts"
import * as mcp from "../mcp/section.ts"
import * as prompts from "../prompts/section.ts"
import * as chat from "../../layers/chat/section.ts"

export const sections = [
  http.section, // keep one line each
  edge.section,
  mcp.section,
  upstream.section,
  auth.section,
  limits.section,
  quotas.section,
  logging.section,
  storage.section,
  prices.section,
  usage.section,
  audit.section,
  commands.section,
  containers.section,
  telemetry.section,
  content.section,
  outbound.section,
  web.section,
  models.section,
  prompts.section,
  templates.section,
  chat.section
]
