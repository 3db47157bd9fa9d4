/** Public addresses of the service with the domains of section `edge`, and the ports of its TLS listeners. */
import { Effect } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import * as http from "../http/section.ts"
import { publicAddresses } from "../identity/oauth/publicAddress.ts"
import { section } from "./section.ts"

export const servedAddresses = Effect.gen(function* () {
  const config = yield* ConfigSource
  const { domains, https_port } = yield* config.read(section)
  const { port, tls } = yield* config.read(http.section)
  const ports = [https_port, tls === undefined ? undefined : port].filter((each) => each !== undefined)
  return yield* publicAddresses({ domains, ports: [...new Set(ports)].filter((each) => each !== 0) })
})
