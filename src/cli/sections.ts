/** The list of configuration sections; all of them are checked together before anything starts. */
import * as Authenticator from "../../layers/identity/Authenticator.ts"
import * as Logging from "../../layers/logging/Logging.ts"
import * as Storage from "../../layers/storage/Storage.ts"
import * as http from "../http/sections.ts"

export const sections = [http.server, http.mcp, Authenticator.section, Logging.section, Storage.section]
