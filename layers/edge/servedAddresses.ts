/** Public addresses of the service with the domains of section `edge`. */
import { Effect } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { publicAddresses } from "../identity/oauth/publicAddress.ts"
import { section } from "./section.ts"

export const servedAddresses = Effect.flatMap(
  Effect.flatMap(ConfigSource, (config) => config.read(section)),
  ({ domains }) => publicAddresses(domains)
)
