/** The list of configuration sections; all of them are checked together before anything starts. */
import * as content from "../../layers/decks/section.ts"
import * as Authenticator from "../../layers/identity/Authenticator.ts"
import * as limits from "../../layers/guard/section.ts"
import * as logging from "../../layers/logging/section.ts"
import * as outbound from "../../layers/outbound/section.ts"
import * as Storage from "../../layers/storage/Storage.ts"
import * as telemetry from "../../layers/telemetry/section.ts"
import * as templates from "../../layers/templates/section.ts"
import * as web from "../../layers/web/section.ts"
import * as mcp from "../../layers/transports/section.ts"
import * as http from "../http/sections.ts"
import * as prompts from "../prompts/section.ts"
import * as later from "./upcomingSections.ts"

export const sections = [
  http.server, // keep one line each
  mcp.section,
  Authenticator.section,
  limits.section,
  logging.section,
  Storage.section,
  telemetry.section,
  content.section,
  outbound.section,
  web.section,
  prompts.section,
  templates.section,
  later.llm,
  later.chat,
  later.usage
]
