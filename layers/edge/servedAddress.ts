/** Public address of the service with the domains of section `edge`. */
import { Effect } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { publicAddress } from "../identity/oauth/publicAddress.ts"
import { section } from "./section.ts"

export const servedAddress = Effect.flatMap(
  Effect.flatMap(ConfigSource, (config) => config.read(section)),
  ({ domains }) => publicAddress(domains)
)
